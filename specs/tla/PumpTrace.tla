----------------------------- MODULE PumpTrace -----------------------------
(***************************************************************************)
(* Is what a real pump did a behaviour of the specification?  A trace is a *)
(* sequence of <<event, accepted, state>>; states are given by their place *)
(* in States.  An event that the pump accepted must lead to its state; one *)
(* that it refused must not be enabled.  Where the trace is not so,        *)
(* nothing is possible, and TLC reports a deadlock at that trace and place.*)
(* A refused event that is enabled leads into such a dead end; ENABLED     *)
(* would say the same, and takes TLC many minutes.  That end comes first,  *)
(* so that what follows in the trace cannot be reported in its place.      *)
(***************************************************************************)
EXTENDS Pump, TraceData
VARIABLES trace, at, wrong
Trace == Traces[trace]
Given == Trace[at + 1]

\* Takes the place of Named: of all events, only the one that was given.
OnlyGiven(event) == event = Given[1]

TraceInit == Init /\ trace \in DOMAIN Traces /\ at = 0 /\ wrong = FALSE
Accept == Given[2] /\ Next /\ pump' = States[Given[3]] /\ at' = at + 1 /\ UNCHANGED wrong
Reject == ~Given[2] /\ pump = States[Given[3]] /\ at' = at + 1 /\ UNCHANGED <<pump, wrong>>
Wrongly == ~Given[2] /\ Next /\ wrong' = TRUE /\ UNCHANGED at
Follow == at < Len(Trace) /\ ~wrong /\ (Accept \/ Wrongly \/ Reject) /\ UNCHANGED trace
Over == at = Len(Trace) /\ UNCHANGED <<pump, trace, at, wrong>>
TraceNext == Follow \/ Over
TraceSpec == TraceInit /\ [][TraceNext]_<<pump, trace, at, wrong>>
=============================================================================
