------------------------------ MODULE MCTable ------------------------------
(***************************************************************************)
(* Every mode with every combination of facts, and where each trigger      *)
(* leads: dumped, and compared with the mode machine of the code.          *)
(***************************************************************************)
EXTENDS Modes
VARIABLES mode, facts, leads
vars == <<mode, facts, leads>>
Init == /\ mode \in Modes
        /\ facts \in [FactNames -> BOOLEAN]
        /\ leads = [t \in Triggers |-> Target(mode, t, facts)]
Next == FALSE /\ UNCHANGED vars
Spec == Init /\ [][Next]_vars

MOD_02_SuspendEverywhere == leads.suspend # Refused
MOD_03_NoWayFromAlarmToRunning == mode = "alarm" => \A t \in Triggers : leads[t] # "running"
MOD_04_AlarmIsLeftResolved == (mode = "alarm" /\ leads.clear = "suspended") => facts.no_stopping_alarm
MOD_05_NoPrimingFromRunning == mode = "running" => \A t \in Triggers : leads[t] \notin {Prime, Fill}
MOD_07_FaultFromEverywhere == leads.fault = "alarm"
STA_01_RunningOnlyWhenReady == \A t \in Triggers : (leads[t] = "running" /\ mode # "running") => Ready(facts)
RES_06_PrimingOnlyOffBody == \A t \in Triggers : (leads[t] = Rewind /\ mode # Rewind) => facts.set_off_body
=============================================================================
