----------------------------- MODULE PumpTrace -----------------------------
(***************************************************************************)
(* Is what a real pump did a behaviour of the specification?  A trace is a *)
(* sequence of <<event, accepted, state>>; states are given by their place *)
(* in States.  An event that the pump accepted must lead to its state; one *)
(* that it refused must not be enabled.  Where neither can be, nothing is  *)
(* possible, and TLC reports a deadlock at that trace and place.           *)
(***************************************************************************)
EXTENDS Pump, TraceData
VARIABLES trace, at
Trace == Traces[trace]
Given == Trace[at + 1]

\* Takes the place of Named: of all events, only the one that was given.
OnlyGiven(event) == event = Given[1]

TraceInit == Init /\ trace \in DOMAIN Traces /\ at = 0
Accept == Given[2] /\ Next /\ pump' = States[Given[3]]
Reject == ~Given[2] /\ ~ENABLED Next /\ pump = States[Given[3]] /\ UNCHANGED pump
Follow == at < Len(Trace) /\ (Accept \/ Reject) /\ at' = at + 1 /\ UNCHANGED trace
Over == at = Len(Trace) /\ UNCHANGED <<pump, trace, at>>
TraceNext == Follow \/ Over
TraceSpec == TraceInit /\ [][TraceNext]_<<pump, trace, at>>
=============================================================================
