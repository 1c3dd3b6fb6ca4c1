------------------------------ MODULE PumpAbs ------------------------------
(***************************************************************************)
(* What a pump must never do, on one page.  The detailed specification     *)
(* (Pump) refines this one: each of its steps is one of these, or none.    *)
(***************************************************************************)
EXTENDS Integers

VARIABLES
    flows,      \* insulin for the body may be commanded
    fault,      \* something is announced that stops delivery
    primes,     \* insulin may be moved into the tubing
    offBody,    \* the person has said that the set is off the body
    ordered     \* steps of therapy insulin that the last step has ordered, whatever has become of them since
vars == <<flows, fault, primes, offBody, ordered>>

Init == /\ flows \in BOOLEAN
        /\ fault = FALSE /\ primes = FALSE /\ offBody = FALSE /\ ordered = 0

\* Insulin is ordered only while it may flow.                                                                 DEL-12
OnlyWhileItFlows == ordered' > 0 => flows

\* It may not flow under a fault, and begins to flow neither out of a fault nor out of priming.        ALM-06, MOD-03
NeverUnderAFault == flows' => ~fault'
NeverOutOfAFault == (~flows /\ flows') => (~fault /\ ~primes)

\* The tubing is filled only off the body, and never in one step from where insulin flows.      RES-06, RES-07, MOD-05
PrimesOffTheBody == primes' => (offBody' /\ ~flows /\ ~flows')

Step == OnlyWhileItFlows /\ NeverUnderAFault /\ NeverOutOfAFault /\ PrimesOffTheBody

Spec == Init /\ [][Step]_vars
=============================================================================
