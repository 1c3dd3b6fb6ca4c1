------------------------------- MODULE Modes -------------------------------
(***************************************************************************)
(* What a pump may do when: the mode machine, said from the requirements.  *)
(* Nothing here is taken from the table of the code; the two are compared  *)
(* for every state, every trigger and every combination of facts.          *)
(***************************************************************************)
EXTENDS Integers

\* The steps of a reservoir change, in their order.
Rewind == "rewind"
Load == "load"
Prime == "prime"
Fill == "fill"
Connect == "connect"
Changing == {Rewind, Load, Prime, Fill, Connect}

Modes == {"standby", "running", "suspended", "alarm"} \cup Changing

Triggers == {"start", "suspend", "resume", "begin_change", "rewound", "loaded", "primed", "filled", "connected",
             "abort_change", "fault", "clear"}

FactNames == {"time_set", "limits_set", "profile_set", "reservoir_attached", "reservoir_filled", "primed",
              "set_off_body", "tubing_primed", "no_stopping_alarm"}

\* STA-01, LIM-07, RES-05: what must be there before insulin may flow.
Ready(facts) == /\ facts.time_set /\ facts.limits_set /\ facts.profile_set
                /\ facts.reservoir_attached /\ facts.reservoir_filled /\ facts.primed
                /\ facts.no_stopping_alarm

Refused == "refused"

\* Where a trigger leads; MOD-01.
Target(mode, trigger, facts) ==
    CASE trigger = "fault" -> "alarm"                                                                       \* MOD-07
      [] trigger = "suspend" -> IF mode = "running" THEN "suspended" ELSE mode                      \* SUS-01, MOD-02
      [] trigger = "start" /\ mode = "standby" /\ Ready(facts) -> "running"                                 \* STA-01
      [] trigger = "resume" /\ mode = "suspended" /\ Ready(facts) -> "running"                              \* SUS-02
      [] trigger = "clear" /\ mode = "alarm" /\ facts.no_stopping_alarm -> "suspended"              \* MOD-03, MOD-04
      [] trigger = "begin_change" /\ mode \in {"standby", "suspended", "alarm"} /\ facts.set_off_body
            -> Rewind                                                                       \* RES-06, RES-07, MOD-05
      [] trigger = "rewound" /\ mode = Rewind -> Load
      [] trigger = "loaded" /\ mode = Load /\ facts.reservoir_attached /\ facts.reservoir_filled -> Prime
      [] trigger = "primed" /\ mode = Prime /\ facts.tubing_primed -> Fill                                  \* RES-05
      [] trigger = "filled" /\ mode = Fill -> Connect
      [] trigger = "connected" /\ mode = Connect -> "standby"
      [] trigger = "abort_change" /\ mode \in Changing -> "standby"
      [] OTHER -> Refused
=============================================================================
