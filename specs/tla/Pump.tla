-------------------------------- MODULE Pump --------------------------------
(***************************************************************************)
(* An insulin pump: what each event makes of it, and what never happens.   *)
(*                                                                         *)
(* Time is discrete: one Tick is `Minutes` minutes with a host that calls  *)
(* at every deadline.  Insulin is counted in steps of the actuator; basal  *)
(* earns parts of a step, and what is no whole step yet is kept.  Steps    *)
(* fall due at the end of a tick: of a bolus at most one of each part.  An *)
(* event either is enabled, or the pump refuses it and nothing changes.    *)
(*                                                                         *)
(* The constants switch parts on and off, so that the state graph of each  *)
(* bounded model (MC*.cfg) is small enough to be looked at as a whole, and *)
(* to be compared with the code edge by edge.                              *)
(*                                                                         *)
(* Order: constants, the state, alarms, boluses and pulses, stopping and   *)
(* going on, low glucose, what follows from every event, the events, time, *)
(* and then what must hold, with the ids of specs/requirements.md.         *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets, Modes

CONSTANTS
    Events,        \* the events of this model
    Kinds,         \* the annunciations that it looks at
    Begins,        \* "new": in standby, nothing set but a plan where none can be proposed; "ready": standby after a change;
                   \* "running"
    Minutes,       \* how many minutes one tick has
    Parts,         \* a step has so many parts: basal is counted in them
    Rate,          \* parts of basal in one tick                                                              DEL-01
    KeepsTemp,     \* suspend policy: a temp basal goes on after a suspend                                      SUS-03
    KeepsBoluses,  \* suspend policy: so do boluses                                                             SUS-06
    MakesUp,       \* suspend policy: what a suspend of so many ticks misses is made up; 0: nothing is          SUS-05
    MaxBolus,      \* the largest bolus, in steps                                                               LIM-02
    Few,           \* a reservoir with few steps
    OfferTicks,    \* a proposal can be confirmed for so many ticks                                             BOL-02
    LowMost,       \* low-glucose suspend: its longest, in ticks; 0: it is off                                  GLU-02
    LowPredicts,   \* it suspends before a low too, and ends with the recovery; or it does neither
    LowAway,       \* it stays away for so many ticks after the longest one                                     GLU-03
    LowAwayHand,   \* and for so many after a resume by hand                                                    GLU-03
    AutoOff,       \* a person who touches nothing for so many ticks is taken as unable to; 0: it is off        ALM-08
    AutoConfirm,   \* the actuator confirms each pulse at once
    MostBoluses, MostOffers, MostPulses    \* bounds of the model, not of the pump

VARIABLE pump
vars == <<pump>>

Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b

(***************************************************************************)
(* The state.                                                              *)
(***************************************************************************)
NoReservoir == 0 - 1
Plenty == 999                \* so full that it is not emptied within the model
None == "none"

\* A bolus: steps in all, steps still to come of its fast and of its extended part, steps that will not be delivered;
\* it runs, is held by a suspend, or has ended (why: "over", "canceled", "aborted") and waits for the outcome of its last
\* pulse.
Bolus(fast, ext) == [size |-> fast + ext, fast |-> fast, ext |-> ext, lost |-> 0, fate |-> "runs", why |-> None]

\* A pulse whose outcome is open: of which bolus (Basal, Priming, Gone: of one that is recorded), how many steps, "out"
\* or "uncertain", how many ticks ago, and whether the reservoir is still the one that it came from.
Basal == 0
Priming == 98
Gone == 99
Pulse(of, steps) == [of |-> of, steps |-> steps, fate |-> "out", age |-> 0, here |-> TRUE]

\* A proposal: what it asks for, its age, and whether what it rests on has changed.
Offer(what, fast, ext) == [what |-> what, fast |-> fast, ext |-> ext, age |-> 0, stale |-> FALSE]

NoTemp == [kind |-> None, ticks |-> 0]

\* What the sensor's latest reading that may be dosed on says, and how many ticks ago: "low", at the limit or below;
\* "falling", soon to be there; "fine", well above; None: there is none, or it is too old.
Reading(value) == [value |-> value, age |-> 0]
NoReading == Reading(None)
Usable == {"low", "falling", "fine"}
LowWords == {"low", "falling"}
Never == 0 - 1               \* the sensor was never heard

(***************************************************************************)
(* What the pump answers in a step: <<what, a number, a number, a word>>.  *)
(* An order is <<"order", of what, steps, by>>.  Nothing that happens      *)
(* later takes anything out of it: not a confirmation in the same step.    *)
(* The sequence `new` grows within a step; `said` is the bag of it after   *)
(* the step, so that the order of answers is not specified.                *)
(***************************************************************************)
Say(p, answer) == [p EXCEPT !.new = Append(@, answer)]
Bag(answers) ==
    {<<answer, Cardinality({i \in DOMAIN answers : answers[i] = answer})>> :
        answer \in {answers[i] : i \in DOMAIN answers}}
Told(p) == [p EXCEPT !.said = Bag(p.new), !.new = <<>>]

(***************************************************************************)
(* Annunciations: cause, priority, escalation.                             *)
(***************************************************************************)
Stopping == {"occlusion_detected", "mechanical_issue", "reservoir_issue", "reservoir_empty", "battery_empty",
             "auto_off"}
Watched == {"no_delivery_reminder", "no_delivery_medium", "no_delivery_high", "no_delivery_danger"}
\* What tells of something that has happened: no cause that could last.
Happenings == {"bolus_canceled", "tbr_over", "tbr_canceled", "bolus_not_confirmed", "pulse_uncertain"}
\* Information: goes with its cause, read or not.
Informs == {"no_delivery_reminder", "auto_off_soon"}
HighKinds == Stopping \cup {"no_delivery_high", "no_delivery_danger", "glucose_low"}
MediumKinds == {"no_delivery_medium", "disconnect_over", "priming_issue", "bolus_canceled", "pulse_uncertain",
                "glucose_unknown"}

Ticks(minutes) == (minutes + Minutes - 1) \div Minutes
Reminder == Ticks(15)
Medium == Ticks(30)
High == Ticks(60)
Danger == Ticks(120)
TooOld == Ticks(12)          \* a reading of so long ago decides nothing any more                           GLU-04
Lost == Ticks(24)            \* the sensor was not heard for so long: its link is lost

\* Unanswered for so many minutes: the next level.  ALM-05
Climbs(kind) == IF kind \in HighKinds THEN <<10>> ELSE IF kind \in MediumKinds THEN <<30, 40>> ELSE <<>>
\* Confirmed, with the cause still there: told again after so many minutes; 0: never.  ALM-07
Again(kind) ==
    CASE kind \in {"no_delivery_reminder", "no_delivery_danger", "disconnect_over"} -> 15
      [] kind \in Happenings \cup {"reservoir_low", "auto_off_soon", "glucose_low_predicted"} -> 0
      [] kind \in {"battery_low", "sensor_link_lost"} -> 240
      [] OTHER -> 30

Quiet == [status |-> "off", cause |-> FALSE, age |-> 0, level |-> 0]
Fresh(cause) == [status |-> "pending", cause |-> cause, age |-> 0, level |-> 0]
Priority(kind, alarm) ==
    CASE kind \in HighKinds -> "high"
      [] kind \in MediumKinds -> IF alarm.level = 0 THEN "medium" ELSE "high"
      [] kind \in Informs \cup {"tbr_over"} -> "information"
      [] OTHER -> "low"

Active(p, kind) == kind \in Kinds /\ p.alarms[kind].status # "off"
ActiveStopping(p) == {k \in Stopping \cap Kinds : Active(p, k)}

\* Its cause is there, or what it tells of has happened; `news`: not the same case as before.
Risen(alarm, kind, news) ==
    LET lasts == kind \notin Happenings IN
    IF alarm.status = "off" THEN Fresh(lasts)
    ELSE IF alarm.cause /\ ~news /\ alarm.status # "confirmed" THEN alarm
    ELSE IF alarm.status = "confirmed" \/ (alarm.status = "snoozed" /\ (news \/ ~lasts)) THEN Fresh(lasts)
    ELSE [alarm EXCEPT !.cause = lasts]

\* Its cause is no longer there.  ALM-03: what nobody has read stays.
Ceased(alarm, kind) ==
    IF ~alarm.cause THEN alarm
    ELSE IF kind \in Informs \/ alarm.status = "confirmed" THEN Quiet
    ELSE [alarm EXCEPT !.cause = FALSE]

\* A tick for one alarm.  A snooze (of ten minutes) ends within it.
Aged(alarm, kind) ==
    LET climbs == Climbs(kind)  again == Again(kind)  older == alarm.age + 1
        top == IF climbs = <<>> THEN 0 ELSE Ticks(climbs[Len(climbs)])
        age == Min(older, top)
    IN  CASE alarm.status = "pending" ->
               [alarm EXCEPT !.age = age, !.level = Cardinality({i \in DOMAIN climbs : age >= Ticks(climbs[i])})]
          [] alarm.status = "snoozed" -> Fresh(alarm.cause)
          [] alarm.status = "confirmed" /\ again > 0 ->
               IF older >= Ticks(again) THEN Fresh(alarm.cause) ELSE [alarm EXCEPT !.age = older]
          [] OTHER -> alarm

\* Put on the board, or taken off its causes; kinds that this model does not look at are nowhere.
Tell(p, kind, news) ==
    IF kind \in Kinds THEN [p EXCEPT !.alarms[kind] = Risen(@, kind, news)] ELSE p
Untell(p, kind) ==
    IF kind \in Kinds THEN [p EXCEPT !.alarms[kind] = Ceased(@, kind)] ELSE p

(***************************************************************************)
(* Boluses, proposals and pulses.                                          *)
(***************************************************************************)
Without(seq, i) == SubSeq(seq, 1, i - 1) \o SubSeq(seq, i + 1, Len(seq))
Counted(bolus) == bolus.size - bolus.fast - bolus.ext - bolus.lost         \* DEL-09: what counts as delivered
ToCome(bolus) == bolus.fast + bolus.ext

RECURSIVE Sum(_)
Sum(numbers) == IF numbers = <<>> THEN 0 ELSE Head(numbers) + Sum(Tail(numbers))
AllToCome(p) == Sum([i \in DOMAIN p.boluses |-> ToCome(p.boluses[i])])

\* A bolus that has ended is recorded, and gone, once no outcome of it is awaited.  BOL-07
Awaited(p, i) == \E j \in DOMAIN p.pulses : p.pulses[j].of = i /\ p.pulses[j].fate = "out"
Forget(p, i) ==
    LET renumbered(pulse) ==
            IF pulse.of = i THEN [pulse EXCEPT !.of = Gone]
            ELSE IF pulse.of > i /\ pulse.of < Priming THEN [pulse EXCEPT !.of = @ - 1] ELSE pulse
        bolus == p.boluses[i]
    IN  Say([p EXCEPT !.boluses = Without(@, i), !.pulses = [j \in DOMAIN @ |-> renumbered(@[j])]],
            <<"ended", bolus.size, Counted(bolus), bolus.why>>)
RECURSIVE Recorded(_, _)
Recorded(p, i) ==
    IF i = 0 THEN p
    ELSE Recorded(IF p.boluses[i].fate = "ends" /\ ~Awaited(p, i) THEN Forget(p, i) ELSE p, i - 1)
Record(p) == Recorded(p, Len(p.boluses))

\* What is not delivered will not be any more.  DEL-04
Ended(bolus, why) ==
    [bolus EXCEPT !.lost = @ + ToCome(bolus), !.fast = 0, !.ext = 0, !.fate = "ends", !.why = why]
EndBolus(p, i) == Record([p EXCEPT !.boluses[i] = Ended(@, "canceled")])
EndAllBoluses(p, why) ==
    LET ending == {i \in DOMAIN p.boluses : p.boluses[i].fate # "ends"}
        done == [p EXCEPT !.boluses = [i \in DOMAIN @ |-> IF i \in ending THEN Ended(@[i], why) ELSE @[i]]]
    IN  Record(IF ending = {} THEN done ELSE Tell(done, "bolus_canceled", FALSE))

\* The rate of basal that is in force, and said where it is another one than before.  DEL-01
Flat == 2 * Rate             \* of the absolute temp basal
PlanRate(p) == CASE p.plan = 0 -> 0 [] p.plan = 1 -> Rate [] p.plan = 2 -> 2 * Rate
RateOf(p, kind) ==
    CASE kind = "nothing" -> 0
      [] kind = "half" -> PlanRate(p) \div 2
      [] kind = "double" -> 2 * PlanRate(p)
      [] kind = "flat" -> Flat
      [] kind = None -> PlanRate(p)
BasalRate(p) == RateOf(p, p.temp.kind)
RateNow(p) == IF p.mode = "running" THEN BasalRate(p) ELSE 0
Rated(p) == IF RateNow(p) = p.rate THEN p ELSE Say([p EXCEPT !.rate = RateNow(p)], <<"rate", RateNow(p), 0, "">>)

EndTemp(p, why) ==
    Rated(Tell(Say([p EXCEPT !.temp = NoTemp], <<"temp ended", 0, 0, why>>),
               IF why = "over" THEN "tbr_over" ELSE "tbr_canceled", FALSE))
\* It takes the place of one that runs.
BeginTemp(p, temp) ==
    LET ended == IF p.temp.kind = None THEN p ELSE Say(p, <<"temp ended", 0, 0, "canceled">>)
    IN  Rated(Say([ended EXCEPT !.temp = temp], <<"temp", temp.ticks, 0, temp.kind>>))
Begin(p, bolus) == Say([p EXCEPT !.boluses = Append(@, bolus)], <<"begun", bolus.fast, bolus.ext, "">>)

\* One order of steps, as far as there is insulin for it; the rest is missed.  RES-01, DEL-06
Command(p, of, by, steps) ==
    LET there == IF p.left = Plenty THEN steps ELSE Min(steps, Max(p.left, 0))
        taken == [p EXCEPT !.left = IF @ = Plenty THEN @ ELSE IF @ = NoReservoir THEN @ ELSE @ - there,
                           !.boluses = [i \in DOMAIN @ |->
                               IF i = of THEN [@[i] EXCEPT !.lost = @ + (steps - there)] ELSE @[i]]]
        short == IF there = steps THEN taken ELSE Say(taken, <<"missed", of, steps - there, "empty">>)
    IN  IF there = 0 THEN short
        ELSE Say([short EXCEPT !.pulses = Append(@, Pulse(of, there))], <<"order", of, there, by>>)

\* STA-01, BOL-05, BOL-06, LIM-02: a bolus that may be delivered now.
MayBolus(p, size) ==
    /\ p.mode = "running"
    /\ size > 0 /\ size <= MaxBolus
    /\ p.left = Plenty \/ size <= p.left - AllToCome(p)

\* What a proposal rests on has changed: mode, limits, clock or plan.  BOL-04
Rest(p) == [p EXCEPT !.offers = [i \in DOMAIN @ |-> [@[i] EXCEPT !.stale = TRUE]]]
RECURSIVE Dropped(_, _, _)
Dropped(p, count, why) == IF count = 0 THEN p ELSE Dropped(Say(p, <<"dropped", 0, 0, why>>), count - 1, why)
\* BOL-09: where too many are open, the oldest makes way.
OffersKept == 8
Propose(p, what, fast, ext) ==
    LET room == IF Len(p.offers) < OffersKept THEN p ELSE Dropped([p EXCEPT !.offers = Tail(@)], 1, "replaced")
    IN  Say([room EXCEPT !.offers = Append(@, Offer(what, fast, ext))], <<"proposed", fast, ext, what>>)

(***************************************************************************)
(* Stopping and going on.                                                  *)
(***************************************************************************)
Facts(p) ==
    [time_set |-> p.time, limits_set |-> p.limits, profile_set |-> p.plan # 0,
     reservoir_attached |-> p.left # NoReservoir, reservoir_filled |-> p.left > 0,
     primed |-> p.primed, set_off_body |-> p.offBody, tubing_primed |-> p.tubing,
     no_stopping_alarm |-> ActiveStopping(p) = {}]

May(p, trigger) == Target(p.mode, trigger, Facts(p)) # Refused

\* How far ticks since the stop, and ticks without insulin, have to be counted in this model.
StoppedMost == Max(IF MakesUp > 0 THEN MakesUp + 1 ELSE 0, IF "no_delivery_reminder" \in Kinds THEN Reminder ELSE 0)
DryMost == IF Watched \cap Kinds = {} THEN 0 ELSE Danger
HeardMost == IF "sensor_link_lost" \in Kinds THEN Lost ELSE 0

\* DEL-12, SUS-03 to SUS-06, DEL-18: what stopping does to what runs.
Stop(p, fault) ==
    LET still == [p EXCEPT !.stopped = 0, !.missed = 0, !.wait = 0, !.counts = ~fault,
                           !.boluses = [i \in DOMAIN @ |->
                               IF @[i].fate = "runs" THEN [@[i] EXCEPT !.fate = "held"] ELSE @[i]]]
        why == IF fault THEN "aborted" ELSE "canceled"
        boluses == IF fault \/ ~KeepsBoluses THEN EndAllBoluses(still, why) ELSE still
    IN  Rated(IF boluses.temp.kind # None /\ (fault \/ ~KeepsTemp) THEN EndTemp(boluses, why) ELSE boluses)

\* A suspend becomes something else: what it held is given up.
GiveUp(p, fault) ==
    LET why == IF fault THEN "aborted" ELSE "canceled"
        ended == EndAllBoluses([p EXCEPT !.counts = FALSE, !.missed = 0], why)
    IN  IF ended.temp.kind # None THEN EndTemp(ended, why) ELSE ended

\* SUS-05 to SUS-07: what the policy brings back; what a disconnect missed is offered, never delivered by itself.
GoOn(p) ==
    LET inTime == p.stopped <= MakesUp /\ p.cause # "alarm"
        running == Rated([p EXCEPT !.counts = FALSE, !.missed = 0, !.cause = None, !.wait = 0, !.stopped = 0])
        held == \E i \in DOMAIN p.boluses : p.boluses[i].fate = "held"
        back == IF held /\ ~inTime THEN EndAllBoluses(running, "canceled")
                ELSE [running EXCEPT !.boluses = [i \in DOMAIN @ |->
                         IF @[i].fate = "held" THEN [@[i] EXCEPT !.fate = "runs"] ELSE @[i]]]
        madeUp == p.missed > 0 /\ inTime /\ MakesUp > 0 /\ p.cause \in {"person", "remote"}
        offered == Min(p.missed, MaxBolus)
    IN  IF madeUp /\ (p.left = Plenty \/ p.missed <= p.left)
            THEN Begin(back, Bolus(0, p.missed))
        ELSE IF (madeUp \/ p.cause = "disconnect") /\ offered > 0 THEN Propose(back, "bolus", offered, 0)
        ELSE back

\* One move of the mode machine, with all that it brings.
Move(p, trigger) ==
    LET to == Target(p.mode, trigger, Facts(p))
        moved == Say(Rest([p EXCEPT !.mode = to]), <<"mode", 0, 0, to>>)
        left == IF p.mode = "running" THEN Stop(moved, to = "alarm")
                ELSE IF p.mode = "suspended" /\ to # "running" THEN GiveUp(moved, to = "alarm")
                ELSE moved
    IN  IF to = p.mode THEN p
        ELSE IF to = "running" THEN GoOn(left)
        ELSE IF to = "suspended" THEN left
        ELSE [left EXCEPT !.cause = IF to = "alarm" THEN "alarm" ELSE None, !.wait = 0]

\* A cause that something reports: an alarm that stops delivery stops it now.  MOD-07, ALM-06
Raise(p, kind, news) ==
    IF kind \in Stopping THEN Move(Tell(p, kind, news), "fault") ELSE Tell(p, kind, news)

(***************************************************************************)
(* Low glucose: it only takes insulin away, and ends by itself.            *)
(***************************************************************************)
LowCauses == {"low_glucose", "predicted_low_glucose"}
SuspendedLow(p) == p.mode = "suspended" /\ p.cause \in LowCauses

LowBegins(p, cause, kind) ==
    [Move(Tell(p, kind, FALSE), "suspend") EXCEPT !.cause = cause, !.wait = LowMost]

\* SUS-02, GLU-02: nobody needs to resume; where delivery may not begin, it is left to the person.  What was withheld is
\* gone either way.  GLU-03: after the longest one it stays away.
LowEnds(p, longest) ==
    LET ended == [p EXCEPT !.wait = 0, !.away = IF longest THEN Max(@, LowAway) ELSE @]
    IN  IF May(ended, "resume") THEN Move(ended, "resume")
        ELSE [ended EXCEPT !.cause = "person", !.counts = FALSE, !.missed = 0]

\* GLU-02 to GLU-04: decided at each reading of the sensor; what says nothing neither begins nor ends it.
LowDecided(p) ==
    LET low == SuspendedLow(p)
        may == LowMost > 0 /\ p.mode = "running" /\ p.away = 0
        says == p.reading.value
    IN  CASE may /\ says = "low" -> LowBegins(p, "low_glucose", "glucose_low")
          [] may /\ says = "falling" /\ LowPredicts -> LowBegins(p, "predicted_low_glucose", "glucose_low_predicted")
          [] low /\ says = "fine" /\ LowPredicts -> LowEnds(p, FALSE)
          [] OTHER -> p

(***************************************************************************)
(* What follows from every event.                                          *)
(***************************************************************************)
\* WCH-02: ticks since therapy insulin came last.  A pulse whose outcome is not due yet counts, but only one that
\* follows the last confirmed one soon enough and that no unanswered pulse precedes.
Dry(p) ==
    LET since == {j \in DOMAIN p.pulses : p.pulses[j].of # Priming /\ p.pulses[j].age < p.dry}
        first == CHOOSE j \in since : \A k \in since :
                     p.pulses[j].age > p.pulses[k].age \/ (p.pulses[j].age = p.pulses[k].age /\ j <= k)
    IN  IF since = {} THEN p.dry
        ELSE IF p.pulses[first].fate # "out" \/ p.dry - p.pulses[first].age > Medium THEN p.dry
        ELSE p.pulses[first].age

\* What the person must know that follows from facts: which of these kinds has its cause now.
FromFacts == {"no_delivery_reminder", "no_delivery_medium", "no_delivery_high", "no_delivery_danger",
              "reservoir_empty", "reservoir_low", "battery_empty", "battery_low",
              "auto_off_soon", "auto_off", "sensor_link_lost", "glucose_unknown"}
There(p, kind) ==
    LET stopped == p.begun /\ p.mode \in {"suspended", "alarm"}
        shown == p.mode \notin Changing
        alone == AutoOff > 0 /\ p.mode = "running"
    IN  CASE kind = "no_delivery_reminder" -> stopped /\ p.stopped >= Reminder
          [] kind = "no_delivery_medium" -> p.begun /\ Dry(p) >= Medium /\ Dry(p) < High
          [] kind = "no_delivery_high" -> p.begun /\ Dry(p) >= High /\ Dry(p) < Danger
          [] kind = "no_delivery_danger" -> p.begun /\ Dry(p) >= Danger
          [] kind = "reservoir_empty" -> shown /\ p.left = 0
          [] kind = "reservoir_low" -> shown /\ p.left > 0 /\ p.left # Plenty
          [] kind = "battery_empty" -> p.battery = "empty"
          [] kind = "battery_low" -> p.battery = "low"
          [] kind = "auto_off_soon" -> alone /\ p.idle = AutoOff - 1                 \* ALM-08: warned of a tick before
          [] kind = "auto_off" -> alone /\ p.idle >= AutoOff
          [] kind = "glucose_unknown" -> SuspendedLow(p) /\ p.reading.value = None                         \* GLU-04
          [] kind = "sensor_link_lost" -> p.heard >= Lost                                                  \* GLU-01

\* What tells of a suspend for one cause ends with it: the reminder to connect again (SUS-07), a low.  ALM-03
WithSuspend == [disconnect_over |-> "disconnect", glucose_low |-> "low_glucose",
                glucose_low_predicted |-> "predicted_low_glucose"]

\* Told when the cause comes, not again while it stays.
Observed(p) ==
    [p EXCEPT !.alarms = [k \in Kinds |->
        CASE k \in FromFacts -> IF ~There(p, k) THEN Ceased(@[k], k)
                                ELSE IF @[k].cause THEN @[k] ELSE Risen(@[k], k, FALSE)
          [] k \in DOMAIN WithSuspend -> IF p.cause # WithSuspend[k] THEN Ceased(@[k], k) ELSE @[k]
          [] OTHER -> @[k]]]

Valid(p) ==
    Dropped([p EXCEPT !.offers = SelectSeq(@, LAMBDA offer : ~offer.stale)],
            Cardinality({i \in DOMAIN p.offers : p.offers[i].stale}), "changed")

\* A stopping alarm that was not there before leads to alarm; none any more leads on to suspended; and what the person
\* must know in the new mode is told at once.  MOD-07, MOD-04
Settled(before, p) ==
    LET seen == Observed(p)
        now == ActiveStopping(seen)
        fresh == now \ ActiveStopping(before)
    IN  Valid(CASE fresh # {} /\ seen.mode # "alarm" -> Observed(Move(seen, "fault"))
                [] seen.mode = "alarm" /\ now = {} -> Observed(Move(seen, "clear"))
                [] OTHER -> seen)

\* The actuator that confirms each pulse at once.
Confirmed(p, j) ==
    LET pulse == p.pulses[j]
        dry == IF pulse.of = Priming THEN p.dry ELSE Min(p.dry, pulse.age)
    IN  Record([p EXCEPT !.pulses = Without(@, j), !.dry = dry])
RECURSIVE ConfirmedAll(_)
ConfirmedAll(p) == IF p.pulses = <<>> THEN p ELSE ConfirmedAll(Settled(p, Confirmed(p, 1)))

Within(p) == /\ Len(p.boluses) <= MostBoluses /\ Len(p.offers) <= MostOffers /\ Len(p.pulses) <= MostPulses

\* An event of this model; and that while there is power.
Named(event) == event \in Events
On(event) == Named(event) /\ pump.on

\* The pump becomes `p`, with all that follows from it.  What leads out of the bounds of the model is not looked at.
Answered(p) == LET after == Settled(pump, p) IN Told(IF AutoConfirm THEN ConfirmedAll(after) ELSE after)
Becomes(p) == LET answered == Answered(p) IN Within(answered) /\ pump' = answered

\* A person asks for it: a sign of life.  ALM-08
Asked(p) == Becomes([p EXCEPT !.idle = 0])

(***************************************************************************)
(* The events: modes.                                                      *)
(***************************************************************************)
Start ==
    /\ On("Start") /\ May(pump, "start")
    /\ Asked([Move(pump, "start") EXCEPT !.begun = TRUE, !.dry = IF pump.begun THEN @ ELSE 0])

\* SUS-01: always possible.  A later suspend overlays an earlier one.
\* What was withheld because of low glucose is not made up, whoever overlays it.  SUS-05, GLU-02
Suspended(cause) ==
    LET p == Move(pump, "suspend")
        gone == IF p.cause \in LowCauses THEN [p EXCEPT !.counts = FALSE, !.missed = 0] ELSE p
    IN  IF p.mode = "suspended" THEN [gone EXCEPT !.cause = cause, !.wait = 0] ELSE p
Suspend == On("Suspend") /\ Asked(Suspended("person"))
SuspendRemote == On("SuspendRemote") /\ Asked(Suspended("remote"))

\* SUS-07
Disconnected(ticks) == [Move(pump, "suspend") EXCEPT !.cause = "disconnect", !.wait = ticks]
Disconnect1 == On("Disconnect1") /\ pump.mode = "running" /\ Asked(Disconnected(1))
Disconnect2 == On("Disconnect2") /\ pump.mode = "running" /\ Asked(Disconnected(2))

\* GLU-03: whoever resumes out of a low-glucose suspend has decided for a while.
Resumed ==
    LET p == Move(pump, "resume") IN IF pump.cause \in LowCauses THEN [p EXCEPT !.away = Max(@, LowAwayHand)] ELSE p
Resume == On("Resume") /\ May(pump, "resume") /\ Asked(Resumed)

\* RES-05 to RES-07: the reservoir change, step by step.  It begins only off the body.
BeginChange ==
    LET off == [pump EXCEPT !.offBody = TRUE]
    IN  /\ On("BeginChange") /\ May(off, "begin_change")
        /\ Asked([Move(off, "begin_change") EXCEPT !.primed = FALSE, !.tubing = FALSE])
Rewound == On("Rewound") /\ May(pump, "rewound") /\ Becomes(Move(pump, "rewound"))
Loaded == On("Loaded") /\ May(pump, "loaded") /\ Asked(Move(pump, "loaded"))
PrimeStep ==
    /\ On("PrimeStep") /\ pump.mode \in {Prime, Fill} /\ pump.left >= 1
    /\ Asked([Command(pump, Priming, "prime", 1) EXCEPT !.tubing = TRUE])
Primed == On("Primed") /\ May(pump, "primed") /\ Asked(Move(pump, "primed"))
Filled == On("Filled") /\ May(pump, "filled") /\ Asked(Move(pump, "filled"))
\* With the new reservoir begins a new record: pulses of which nobody will ever know stay uncertain for good.
Connected ==
    /\ On("Connected") /\ May(pump, "connected")
    /\ Asked([Move(pump, "connected") EXCEPT !.primed = TRUE, !.offBody = FALSE,
                                             !.pulses = SelectSeq(@, LAMBDA pulse : pulse.fate = "out")])
AbortChange == On("AbortChange") /\ May(pump, "abort_change") /\ Asked(Move(pump, "abort_change"))

(***************************************************************************)
(* The events: reservoir, battery, faults, settings.  Facts are never      *)
(* refused.  MOD-11                                                        *)
(***************************************************************************)
\* RES-04
ReservoirRemoved ==
    LET p == Say([pump EXCEPT !.left = NoReservoir, !.primed = FALSE], <<"reservoir", NoReservoir, 0, "">>)
    IN  /\ On("ReservoirRemoved")
        /\ Becomes(IF pump.mode \in {Rewind, Load} THEN p ELSE Raise(p, "reservoir_issue", FALSE))
\* A pulse that was ordered before a measurement is not put back into the reservoir by its failure.  DEL-10
Measured(steps) ==
    LET p == [pump EXCEPT !.left = steps, !.pulses = [j \in DOMAIN @ |-> [@[j] EXCEPT !.here = FALSE]]]
    IN  Untell(Say(p, <<"reservoir", steps, 0, "">>), "reservoir_issue")
MeasuredEmpty == On("MeasuredEmpty") /\ Becomes(Measured(0))
MeasuredFew == On("MeasuredFew") /\ Becomes(Measured(Few))
MeasuredPlenty == On("MeasuredPlenty") /\ Becomes(Measured(Plenty))

BatteryGood == On("BatteryGood") /\ Becomes([pump EXCEPT !.battery = "good"])
BatteryLow == On("BatteryLow") /\ Becomes([pump EXCEPT !.battery = "low"])
BatteryEmpty == On("BatteryEmpty") /\ Becomes([pump EXCEPT !.battery = "empty"])            \* PWR-02

\* ALM-09: a fault that a part of the pump reports keeps its cause until that part says it is gone.
FaultOcclusion == On("FaultOcclusion") /\ Becomes(Raise(pump, "occlusion_detected", FALSE))
GoneOcclusion == On("GoneOcclusion") /\ Becomes(Untell(pump, "occlusion_detected"))
FaultPriming == On("FaultPriming") /\ Becomes(Raise(pump, "priming_issue", FALSE))
GonePriming == On("GonePriming") /\ Becomes(Untell(pump, "priming_issue"))
GoneMechanical == On("GoneMechanical") /\ Becomes(Untell(pump, "mechanical_issue"))

\* GLU-01, GLU-04: a reading of the sensor; a doubtful one is heard, and changes nothing that was known.  One of a meter
\* counts for advice, not here, and is no sign of the sensor.  GLU-07
Sent(value) == LowDecided([pump EXCEPT !.reading = IF value \in Usable THEN Reading(value) ELSE @, !.heard = 0])
GlucoseLow == On("GlucoseLow") /\ Becomes(Sent("low"))
GlucoseFalling == On("GlucoseFalling") /\ Becomes(Sent("falling"))
GlucoseFine == On("GlucoseFine") /\ Becomes(Sent("fine"))
GlucoseDoubtful == On("GlucoseDoubtful") /\ Becomes(Sent("doubtful"))
MeterLow == On("MeterLow") /\ Becomes(pump)
MeterFine == On("MeterFine") /\ Becomes(pump)

ClockSet == On("ClockSet") /\ Becomes(Say(Rest([pump EXCEPT !.time = TRUE]), <<"clock", 0, 0, "">>))    \* TIM-02
LimitsSet == On("LimitsSet") /\ Asked(Say(Rest([pump EXCEPT !.limits = TRUE]), <<"settings", 0, 0, "">>))
\* LIM-07: taking a limit away stops delivery.
LimitsUnset ==
    LET p == Say(Rest([pump EXCEPT !.limits = FALSE]), <<"settings", 0, 0, "">>)
    IN  On("LimitsUnset") /\ Asked(IF p.mode = "running" THEN [Move(p, "suspend") EXCEPT !.cause = "person"] ELSE p)

(***************************************************************************)
(* The events: what adds insulin is proposed, and then confirmed.          *)
(***************************************************************************)
ProposeBolus(fast, ext) == MayBolus(pump, fast + ext) /\ Asked(Propose(pump, "bolus", fast, ext))
ProposeOne == On("ProposeOne") /\ ProposeBolus(1, 0)
ProposeTwo == On("ProposeTwo") /\ ProposeBolus(2, 0)
ProposeExtended == On("ProposeExtended") /\ ProposeBolus(0, 2)
ProposeMultiwave == On("ProposeMultiwave") /\ ProposeBolus(1, 2)
ProposeFour == On("ProposeFour") /\ ProposeBolus(4, 0)

\* TMP-02 to TMP-04: what cannot deliver more than the plan acts at once; it takes the place of what runs.
Temp(kind) == [kind |-> kind, ticks |-> Ticks(30)]
MayTemp(p) == p.mode = "running" /\ p.plan # 0
AskTemp(kind) ==
    IF RateOf(pump, kind) > PlanRate(pump) THEN Propose(pump, kind, 0, 0) ELSE BeginTemp(pump, Temp(kind))
TempNothing == On("TempNothing") /\ MayTemp(pump) /\ Asked(AskTemp("nothing"))
TempHalf == On("TempHalf") /\ MayTemp(pump) /\ Asked(AskTemp("half"))
TempDouble == On("TempDouble") /\ MayTemp(pump) /\ Asked(AskTemp("double"))
TempFlat == On("TempFlat") /\ MayTemp(pump) /\ Asked(AskTemp("flat"))
CancelTemp == On("CancelTemp") /\ pump.temp.kind # None /\ Asked(EndTemp(pump, "canceled"))

\* A plan must keep to the limits; while one is not chosen only a rate of nothing does.
MayPlan(p) == p.limits \/ Rate = 0
ProposePlan == On("ProposePlan") /\ MayPlan(pump) /\ Asked(Propose(pump, "plan", 0, 0))
ProposeOther == On("ProposeOther") /\ MayPlan(pump) /\ Asked(Propose(pump, "other plan", 0, 0))

\* BOL-01, BOL-03 to BOL-05: checked again when it is confirmed.
Temps == {"half", "double", "flat"}
Plans == {"plan", "other plan"}
Accepted(i) ==
    LET offer == pump.offers[i]
        p == [pump EXCEPT !.offers = Without(@, i)]
        done == CASE offer.what = "bolus" -> Begin(p, Bolus(offer.fast, offer.ext))
                  [] offer.what \in Temps -> BeginTemp(p, Temp(offer.what))
                  [] offer.what \in Plans ->
                         LET other == offer.what = "other plan"
                         IN  Rated(Say(Rest([p EXCEPT !.plan = IF other THEN 2 ELSE 1]),
                                       <<"plan", 0, 0, IF other THEN "other" ELSE "">>))
    IN  [done EXCEPT !.answered = "ConfirmAgain" \in Events]
MayAccept(i) ==
    /\ i \in DOMAIN pump.offers
    /\ ~pump.offers[i].stale
    /\ CASE pump.offers[i].what = "bolus" -> MayBolus(pump, pump.offers[i].fast + pump.offers[i].ext)
         [] pump.offers[i].what \in Temps -> MayTemp(pump)
         [] pump.offers[i].what \in Plans -> MayPlan(pump)
ConfirmOne == On("ConfirmOne") /\ MayAccept(1) /\ Asked(Accepted(1))
ConfirmTwo == On("ConfirmTwo") /\ MayAccept(2) /\ Asked(Accepted(2))
\* The answer of the first time is given again; it is not said a second time here, and the comparison looks at it.
ConfirmAgain == On("ConfirmAgain") /\ pump.answered /\ Asked(pump)                                 \* BOL-03
RejectOne ==
    /\ On("RejectOne") /\ 1 \in DOMAIN pump.offers
    /\ Asked(Dropped([pump EXCEPT !.offers = Without(@, 1)], 1, "rejected"))     \* BOL-10

\* BOL-07, BOL-08: stopped at any moment, one without the others.
MayCancel(i) == i \in DOMAIN pump.boluses /\ pump.boluses[i].fate # "ends"
CancelBolusOne == On("CancelBolusOne") /\ MayCancel(1) /\ Asked(EndBolus(pump, 1))
CancelBolusTwo == On("CancelBolusTwo") /\ MayCancel(2) /\ Asked(EndBolus(pump, 2))

(***************************************************************************)
(* The events: commands over a link, each with a number of its own, a last *)
(* instant, and what its sender knows of the pump.  CMD-01 to CMD-04       *)
(***************************************************************************)
\* A person allows them, or no longer.
Allowed(may) == Asked(Say(Rest([pump EXCEPT !.remote = may]), <<"settings", 0, 0, "">>))
AllowRemote == On("AllowRemote") /\ Allowed(TRUE)
ForbidRemote == On("ForbidRemote") /\ Allowed(FALSE)
\* What a command asks for is asked as if it were at hand.
Commanded(p) == [p EXCEPT !.commanded = TRUE]
CommandTemp == On("CommandTemp") /\ pump.remote /\ MayTemp(pump) /\ Asked(Commanded(AskTemp("nothing")))
CommandTwo == On("CommandTwo") /\ pump.remote /\ MayBolus(pump, 2) /\ Asked(Commanded(Propose(pump, "bolus", 2, 0)))
CommandConfirm == On("CommandConfirm") /\ pump.remote /\ MayAccept(1) /\ Asked(Commanded(Accepted(1)))
CommandResume == On("CommandResume") /\ pump.remote /\ May(pump, "resume") /\ Asked(Commanded(Resumed))
\* The same number again: the first answer is given again, whatever has happened since.  It is no sign of life.
CommandAgain == On("CommandAgain") /\ pump.commanded /\ Becomes(pump)
\* Too late; from a sender who does not know the latest change; with a number that was passed over.
CommandLate == On("CommandLate") /\ FALSE /\ UNCHANGED vars
CommandUnaware == On("CommandUnaware") /\ FALSE /\ UNCHANGED vars
CommandOld == On("CommandOld") /\ FALSE /\ UNCHANGED vars

(***************************************************************************)
(* The events: what became of a pulse.  DEL-08 to DEL-11                   *)
(***************************************************************************)
Open(j) == j \in DOMAIN pump.pulses
PulseConfirmed(j) == Open(j) /\ Becomes(Confirmed(pump, j))

\* Put back into the reservoir that it came from, counted as not delivered, and the actuator counts as faulty.
Failed(j) ==
    LET pulse == pump.pulses[j]
        back == [pump EXCEPT !.pulses = Without(@, j),
                             !.left = IF pulse.here /\ @ \notin {Plenty, NoReservoir} THEN @ + pulse.steps ELSE @,
                             !.boluses = [i \in DOMAIN @ |->
                                 IF i = pulse.of THEN [@[i] EXCEPT !.lost = @ + pulse.steps] ELSE @[i]]]
        told == IF pulse.of = Priming THEN back ELSE Say(back, <<"missed", pulse.of, pulse.steps, "failed">>)
    IN  Raise(Record(told), "mechanical_issue", TRUE)
PulseFailed(j) == Open(j) /\ Becomes(Failed(j))

Uncertain(p, j) == Tell(Record([p EXCEPT !.pulses[j].fate = "uncertain"]), "pulse_uncertain", TRUE)
Unsettled(j) == Open(j) /\ pump.pulses[j].fate = "out"
PulseUnknown(j) == Unsettled(j) /\ Becomes(Uncertain(pump, j))

ConfirmedFirst == On("ConfirmedFirst") /\ PulseConfirmed(1)
ConfirmedSecond == On("ConfirmedSecond") /\ PulseConfirmed(2)
FailedFirst == On("FailedFirst") /\ PulseFailed(1)
FailedSecond == On("FailedSecond") /\ PulseFailed(2)
UnknownFirst == On("UnknownFirst") /\ PulseUnknown(1)
UnknownSecond == On("UnknownSecond") /\ PulseUnknown(2)

(***************************************************************************)
(* The events: the person reads, or puts off.                              *)
(***************************************************************************)
\* ALM-03: with the cause gone it leaves; with the cause there it stays, read.
Read(kind) ==
    /\ Active(pump, kind)
    /\ Asked([pump EXCEPT !.alarms[kind] =
                    IF @.status = "confirmed" THEN @
                    ELSE IF @.cause THEN [@ EXCEPT !.status = "confirmed", !.age = 0, !.level = 0]
                    ELSE Quiet])
\* ALM-02: silence is bounded.
Snooze(kind) ==
    /\ Active(pump, kind) /\ pump.alarms[kind].status # "confirmed"
    /\ Asked([pump EXCEPT !.alarms[kind] = [@ EXCEPT !.status = "snoozed", !.age = 0, !.level = 0]])

ReadOcclusion == On("ReadOcclusion") /\ Read("occlusion_detected")
ReadMechanical == On("ReadMechanical") /\ Read("mechanical_issue")
ReadReservoirIssue == On("ReadReservoirIssue") /\ Read("reservoir_issue")
ReadReservoirEmpty == On("ReadReservoirEmpty") /\ Read("reservoir_empty")
ReadReservoirLow == On("ReadReservoirLow") /\ Read("reservoir_low")
ReadBatteryEmpty == On("ReadBatteryEmpty") /\ Read("battery_empty")
ReadBatteryLow == On("ReadBatteryLow") /\ Read("battery_low")
ReadPriming == On("ReadPriming") /\ Read("priming_issue")
ReadReminder == On("ReadReminder") /\ Read("no_delivery_reminder")
ReadMedium == On("ReadMedium") /\ Read("no_delivery_medium")
ReadHigh == On("ReadHigh") /\ Read("no_delivery_high")
ReadDanger == On("ReadDanger") /\ Read("no_delivery_danger")
ReadDisconnectOver == On("ReadDisconnectOver") /\ Read("disconnect_over")
ReadBolusCanceled == On("ReadBolusCanceled") /\ Read("bolus_canceled")
ReadTempOver == On("ReadTempOver") /\ Read("tbr_over")
ReadTempCanceled == On("ReadTempCanceled") /\ Read("tbr_canceled")
ReadNotConfirmed == On("ReadNotConfirmed") /\ Read("bolus_not_confirmed")
ReadUncertain == On("ReadUncertain") /\ Read("pulse_uncertain")
ReadAutoOff == On("ReadAutoOff") /\ Read("auto_off")
ReadAutoOffSoon == On("ReadAutoOffSoon") /\ Read("auto_off_soon")
ReadLow == On("ReadLow") /\ Read("glucose_low")
ReadLowPredicted == On("ReadLowPredicted") /\ Read("glucose_low_predicted")
ReadLinkLost == On("ReadLinkLost") /\ Read("sensor_link_lost")
ReadNoReading == On("ReadNoReading") /\ Read("glucose_unknown")
SnoozeOcclusion == On("SnoozeOcclusion") /\ Snooze("occlusion_detected")
SnoozePriming == On("SnoozePriming") /\ Snooze("priming_issue")
SnoozeMechanical == On("SnoozeMechanical") /\ Snooze("mechanical_issue")
SnoozeHigh == On("SnoozeHigh") /\ Snooze("no_delivery_high")
SnoozeDisconnectOver == On("SnoozeDisconnectOver") /\ Snooze("disconnect_over")
SnoozeBolusCanceled == On("SnoozeBolusCanceled") /\ Snooze("bolus_canceled")
SnoozeAutoOff == On("SnoozeAutoOff") /\ Snooze("auto_off")
SnoozeLow == On("SnoozeLow") /\ Snooze("glucose_low")

(***************************************************************************)
(* Time.                                                                   *)
(***************************************************************************)
\* DEL-11: what nobody has answered within ten minutes is uncertain.
RECURSIVE UnansweredFrom(_, _)
UnansweredFrom(p, j) ==
    IF j > Len(p.pulses) THEN p
    ELSE UnansweredFrom(IF p.pulses[j].fate = "out" THEN Uncertain(p, j) ELSE p, j + 1)

\* BOL-02: a proposal goes without effect.
Expired(p) ==
    LET over == {i \in DOMAIN p.offers : p.offers[i].age >= OfferTicks}
        kept == SelectSeq(p.offers, LAMBDA offer : offer.age < OfferTicks)
        older == Dropped([p EXCEPT !.offers = [i \in DOMAIN kept |-> [kept[i] EXCEPT !.age = @ + 1]]],
                         Cardinality(over), "expired")
    IN  IF \E i \in over : p.offers[i].what = "bolus" THEN Tell(older, "bolus_not_confirmed", FALSE) ELSE older

\* DEL-05: basal, then extended parts, then fast ones, each in the order in which the boluses began.
RECURSIVE Extended(_, _), Fast(_, _)
Extended(p, i) ==
    IF i > Len(p.boluses) THEN p
    ELSE Extended(IF p.boluses[i].fate = "runs" /\ p.boluses[i].ext > 0
                  THEN Command([p EXCEPT !.boluses[i].ext = @ - 1], i, "extended", 1) ELSE p, i + 1)
Fast(p, i) ==
    IF i > Len(p.boluses) THEN p
    ELSE Fast(IF p.boluses[i].fate = "runs" /\ p.boluses[i].fast > 0
              THEN Command([p EXCEPT !.boluses[i].fast = @ - 1], i, "bolus", 1) ELSE p, i + 1)
\* What basal has earned of a step is kept, whatever happens; so is, apart from it, what a suspend has missed of one.
Delivered(p) ==
    IF p.mode # "running" THEN
        IF ~p.counts THEN p
        ELSE LET missed == p.short + BasalRate(p)
             IN  [p EXCEPT !.missed = Min(@ + missed \div Parts, MaxBolus), !.short = missed % Parts]
    ELSE LET earned == p.rest + BasalRate(p)
             kept == [p EXCEPT !.rest = earned % Parts]
             basal == IF earned >= Parts THEN Command(kept, Basal, "basal", earned \div Parts) ELSE kept
             all == Fast(Extended(basal, 1), 1)
         IN  Record([all EXCEPT !.boluses = [i \in DOMAIN @ |->
                 IF @[i].fate = "runs" /\ ToCome(@[i]) = 0 THEN [@[i] EXCEPT !.fate = "ends", !.why = "over"] ELSE @[i]]])

\* TMP-01: a temp basal ends by itself, suspended or not.
TempPassed(p) ==
    CASE p.temp.kind = None -> p
      [] p.temp.ticks = 1 -> EndTemp(p, "over")
      [] OTHER -> [p EXCEPT !.temp.ticks = @ - 1]

\* SUS-07: the reminder at the end of a disconnect.  GLU-02: the end of the longest suspend for low glucose.
WaitPassed(p) ==
    CASE p.wait = 0 -> p
      [] p.wait = 1 /\ p.cause \in LowCauses -> LowEnds(p, TRUE)
      [] p.wait = 1 -> Tell([p EXCEPT !.wait = 0], "disconnect_over", FALSE)
      [] OTHER -> [p EXCEPT !.wait = @ - 1]

\* GLU-04: a reading that is too old is none.
ReadingPassed(p) ==
    CASE p.reading.value = None -> p
      [] p.reading.age + 1 >= TooOld -> [p EXCEPT !.reading = NoReading]
      [] OTHER -> [p EXCEPT !.reading.age = @ + 1]

Passed(p) ==
    LET aged == [p EXCEPT !.alarms = [k \in Kinds |-> Aged(@[k], k)]]
        answered == UnansweredFrom(aged, 1)
        counted == [Expired(answered) EXCEPT
                       !.stopped = IF p.mode = "running" THEN 0 ELSE Min(@ + 1, StoppedMost),
                       !.dry = IF p.begun THEN Min(@ + 1, DryMost) ELSE 0,
                       !.away = Max(@ - 1, 0),
                       !.heard = IF @ = Never THEN Never ELSE Min(@ + 1, HeardMost),
                       !.idle = Min(@ + 1, AutoOff),
                       !.pulses = [j \in DOMAIN @ |-> [@[j] EXCEPT !.age = Min(@ + 1, DryMost)]]]
    IN  ReadingPassed(WaitPassed(TempPassed(Delivered(counted))))
Tick == On("Tick") /\ Becomes(Passed(pump))

\* PWR-03: power is lost at any instant; what comes back is the same pump, and of pulses in flight nobody knows.
PowerLoss == On("PowerLoss") /\ pump' = [pump EXCEPT !.on = FALSE, !.said = {}]
Restart ==
    /\ Named("Restart") /\ ~pump.on
    /\ LET back == [pump EXCEPT !.on = TRUE] IN pump' = Told(Settled(back, UnansweredFrom(back, 1)))

(***************************************************************************)
(* The behaviours.                                                         *)
(***************************************************************************)
Init ==
    LET new == Begins = "new" IN
    pump = [on |-> TRUE, mode |-> IF Begins = "running" THEN "running" ELSE "standby",
            cause |-> None, wait |-> 0, begun |-> Begins = "running",
            time |-> ~new, limits |-> ~new, plan |-> IF ~new \/ "ProposePlan" \notin Events THEN 1 ELSE 0,
            primed |-> ~new, offBody |-> FALSE, tubing |-> ~new,
            left |-> IF new THEN NoReservoir ELSE Plenty, battery |-> "unknown",
            temp |-> NoTemp, rate |-> IF Begins = "running" THEN Rate ELSE 0, rest |-> 0, short |-> 0,
            boluses |-> <<>>, offers |-> <<>>, answered |-> FALSE, pulses |-> <<>>,
            remote |-> FALSE, commanded |-> FALSE, said |-> {}, new |-> <<>>,
            alarms |-> [k \in Kinds |-> Quiet],
            dry |-> 0, stopped |-> 0, counts |-> FALSE, missed |-> 0,
            reading |-> NoReading, heard |-> Never, away |-> 0, idle |-> 0]

ModeEvents == Start \/ Suspend \/ SuspendRemote \/ Disconnect1 \/ Disconnect2 \/ Resume
ChangeEvents ==
    \/ BeginChange \/ Rewound \/ Loaded \/ PrimeStep \/ Primed \/ Filled \/ Connected \/ AbortChange
    \/ ReservoirRemoved \/ MeasuredEmpty \/ MeasuredFew \/ MeasuredPlenty
FactEvents ==
    \/ BatteryGood \/ BatteryLow \/ BatteryEmpty
    \/ FaultOcclusion \/ GoneOcclusion \/ FaultPriming \/ GonePriming \/ GoneMechanical \/ ClockSet
GlucoseEvents == GlucoseLow \/ GlucoseFalling \/ GlucoseFine \/ GlucoseDoubtful \/ MeterLow \/ MeterFine
InsulinEvents ==
    \/ LimitsSet \/ LimitsUnset
    \/ ProposeOne \/ ProposeTwo \/ ProposeExtended \/ ProposeMultiwave \/ ProposeFour \/ ProposePlan \/ ProposeOther
    \/ TempNothing \/ TempHalf \/ TempDouble \/ TempFlat \/ CancelTemp
    \/ ConfirmOne \/ ConfirmTwo \/ ConfirmAgain \/ RejectOne \/ CancelBolusOne \/ CancelBolusTwo
CommandEvents ==
    \/ AllowRemote \/ ForbidRemote \/ CommandTemp \/ CommandTwo \/ CommandConfirm \/ CommandResume
    \/ CommandAgain \/ CommandLate \/ CommandUnaware \/ CommandOld
PulseEvents ==
    ConfirmedFirst \/ ConfirmedSecond \/ FailedFirst \/ FailedSecond \/ UnknownFirst \/ UnknownSecond
AlarmEvents ==
    \/ ReadOcclusion \/ ReadMechanical \/ ReadReservoirIssue \/ ReadReservoirEmpty \/ ReadReservoirLow
    \/ ReadBatteryEmpty \/ ReadBatteryLow \/ ReadPriming \/ ReadReminder \/ ReadMedium \/ ReadHigh \/ ReadDanger
    \/ ReadDisconnectOver \/ ReadBolusCanceled \/ ReadTempOver \/ ReadTempCanceled \/ ReadNotConfirmed \/ ReadUncertain
    \/ SnoozeOcclusion \/ SnoozePriming \/ SnoozeMechanical \/ SnoozeHigh \/ SnoozeDisconnectOver \/ SnoozeBolusCanceled
    \/ ReadAutoOff \/ ReadAutoOffSoon \/ ReadLow \/ ReadLowPredicted \/ ReadLinkLost \/ ReadNoReading \/ SnoozeAutoOff \/ SnoozeLow
PowerEvents == PowerLoss \/ Restart

Next == \/ ModeEvents \/ ChangeEvents \/ FactEvents \/ GlucoseEvents \/ InsulinEvents \/ CommandEvents \/ PulseEvents
        \/ AlarmEvents \/ PowerEvents \/ Tick
Spec == Init /\ [][Next]_vars

(***************************************************************************)
(* What must hold of every state.                                          *)
(***************************************************************************)
TypeOK ==
    /\ pump.mode \in Modes
    /\ pump.cause \in {None, "person", "remote", "disconnect", "alarm"} \cup LowCauses
    /\ pump.wait \in 0..Max(2, LowMost)
    /\ pump.left \in (NoReservoir..(Few + 1)) \cup {Plenty}
    /\ pump.battery \in {"unknown", "good", "low", "empty"}
    /\ pump.temp.kind \in {None, "nothing"} \cup Temps /\ pump.temp.ticks \in 0..Ticks(30)
    /\ pump.plan \in 0..2 /\ pump.rate \in 0..(4 * Rate) /\ pump.new = <<>>
    /\ pump.rest \in 0..(Parts - 1) /\ pump.short \in 0..(Parts - 1)
    /\ pump.dry \in 0..DryMost /\ pump.stopped \in 0..StoppedMost /\ pump.missed \in 0..MaxBolus
    /\ pump.reading.value \in {None} \cup Usable /\ pump.reading.age \in 0..(TooOld - 1)
    /\ pump.heard \in Never..HeardMost
    /\ pump.away \in 0..Max(LowAway, LowAwayHand) /\ pump.idle \in 0..AutoOff
    /\ \A k \in Kinds : /\ pump.alarms[k].status \in {"off", "pending", "snoozed", "confirmed"}
                        /\ pump.alarms[k].level \in 0..Len(Climbs(k))
    /\ Within(pump)

InMode(modes) == pump.mode \in modes

\* Whatever stops delivery and delivery are never there together.
ALM_06_NothingFlowsUnderAnAlarm == InMode({"running"}) => ActiveStopping(pump) = {}
MOD_04_AlarmMeansAnAlarm == InMode({"alarm"}) => ActiveStopping(pump) # {}
STA_01_RunsOnlyWhenReady == InMode({"running"}) => Ready(Facts(pump))
RES_06_PrimesOnlyOffTheBody == InMode({Prime, Fill}) => pump.offBody
SUS_02_TheCauseIsKnown == (pump.cause # None) <=> InMode({"suspended", "alarm"})

\* A bolus runs while the pump does; only a policy that says so holds one, and only a suspend.
DEL_12_BolusesRunWhileThePumpDoes ==
    \A i \in DOMAIN pump.boluses :
        /\ pump.boluses[i].fate = "runs" => InMode({"running"})
        /\ pump.boluses[i].fate = "held" => InMode({"suspended"}) /\ KeepsBoluses
TMP_01_TempsRunWhileThePumpDoes == pump.temp.kind # None => InMode({"running", "suspended"}) /\ pump.temp.ticks > 0

\* Every step of a bolus is in one place; what is open of it is counted as delivered.
DEL_06_EveryStepIsInOnePlace ==
    \A i \in DOMAIN pump.boluses :
        LET bolus == pump.boluses[i]
            open == {j \in DOMAIN pump.pulses : pump.pulses[j].of = i}
        IN  /\ bolus.fast >= 0 /\ bolus.ext >= 0 /\ bolus.lost >= 0
            /\ Counted(bolus) >= Sum([j \in 1..Len(pump.pulses) |-> IF j \in open THEN pump.pulses[j].steps ELSE 0])
            /\ bolus.fate = "ends" => ToCome(bolus) = 0 /\ Awaited(pump, i)
\* What a pump takes over is bounded; what it makes up by itself is what the pause has missed.
LIM_02_NoBolusIsTooLarge ==
    \A i \in DOMAIN pump.boluses : pump.boluses[i].size <= Max(MaxBolus, (4 * Rate * MakesUp) \div Parts + 1)
RES_01_NeverLessThanNothing == pump.left >= NoReservoir
BOL_06_NoBolusBeyondTheReservoir ==
    (InMode({"running"}) /\ pump.left # Plenty /\ Rate = 0) => AllToCome(pump) <= pump.left

BOL_09_NotMoreThanAreKept == Len(pump.offers) <= OffersKept
BOL_02_ProposalsExpire == \A i \in DOMAIN pump.offers : pump.offers[i].age <= OfferTicks
BOL_04_ProposalsRestOnNow ==
    \A i \in DOMAIN pump.offers :
        ~pump.offers[i].stale /\ (pump.offers[i].what \notin Plans => InMode({"running"}))
\* Nobody has answered for so long: not outstanding any more.
DEL_11_NobodyWaitsForEver ==
    \A j \in DOMAIN pump.pulses : pump.pulses[j].fate = "out" => pump.pulses[j].age = 0

\* What is read stays while its cause does; what escalates is unanswered.
ALM_03_ReadAlarmsHaveACause == \A k \in Kinds : pump.alarms[k].status = "confirmed" => pump.alarms[k].cause
ALM_05_OnlyTheUnansweredEscalates == \A k \in Kinds : pump.alarms[k].level > 0 => pump.alarms[k].status = "pending"
ALM_09_CausesAreTold ==
    /\ ("battery_empty" \in Kinds /\ pump.battery = "empty") => Active(pump, "battery_empty")
    /\ ("reservoir_empty" \in Kinds /\ pump.left = 0 /\ pump.mode \notin Changing) => Active(pump, "reservoir_empty")

\* GLU-02: it never lasts without an end.
GLU_02_LowSuspendsHaveAnEnd == SuspendedLow(pump) => LowMost > 0 /\ pump.wait > 0
\* GLU-04: what keeps it without a reading is told.
GLU_04_NoReadingIsTold ==
    ("glucose_unknown" \in Kinds /\ SuspendedLow(pump) /\ pump.reading.value = None) => Active(pump, "glucose_unknown")
GLU_01_ALostLinkIsTold == ("sensor_link_lost" \in Kinds /\ pump.heard = Lost) => Active(pump, "sensor_link_lost")
ALM_03_ALowIsToldWhileItSuspends ==
    /\ "glucose_low" \in Kinds => (pump.alarms["glucose_low"].cause <=> pump.cause = "low_glucose")
    /\ "glucose_low_predicted" \in Kinds =>
           (pump.alarms["glucose_low_predicted"].cause <=> pump.cause = "predicted_low_glucose")
ALM_08_NobodyThereStopsIt == (AutoOff > 0 /\ InMode({"running"})) => pump.idle < AutoOff
ALM_08_ItIsWarnedOf ==
    ("auto_off_soon" \in Kinds /\ InMode({"running"}) /\ pump.idle = AutoOff - 1) => Active(pump, "auto_off_soon")

\* Without insulin for so long, an alarm of so high a priority is active: whatever the cause.
AsHighAs(kinds) ==
    \E k \in kinds \cap Kinds : pump.alarms[k].cause /\ Active(pump, k)
WCH_01_HighBeforeTheBound ==
    (pump.begun /\ "no_delivery_high" \in Kinds /\ Dry(pump) >= High) =>
        AsHighAs({"no_delivery_high", "no_delivery_danger"})
WCH_03_MediumBeforeHigh ==
    (pump.begun /\ "no_delivery_medium" \in Kinds /\ Dry(pump) >= Medium) => AsHighAs(Watched)
WCH_03_ReminderWhileStopped ==
    (pump.begun /\ "no_delivery_reminder" \in Kinds /\ InMode({"suspended", "alarm"}) /\ pump.stopped >= Reminder)
        => AsHighAs({"no_delivery_reminder"})

(***************************************************************************)
(* What must hold of every step.                                           *)
(***************************************************************************)
Resumes == Resume \/ CommandResume
Confirms(i) == (i = 1 /\ (ConfirmOne \/ CommandConfirm)) \/ (i = 2 /\ ConfirmTwo)
\* Only a person makes insulin flow, and never out of an alarm; but a low-glucose suspend that is not overlaid ends.
SUS_02_OnlyAPersonStarts ==
    [][(pump.mode # "running" /\ pump'.mode = "running") =>
           (Start \/ Resumes \/ (SuspendedLow(pump) /\ (GlucoseEvents \/ Tick)))]_vars
\* Low glucose takes from what runs, and gives nothing back.
GLU_02_LowOnlyTakesAway ==
    [][/\ (SuspendedLow(pump') /\ ~SuspendedLow(pump)) => pump.mode = "running" /\ (GlucoseEvents \/ Tick)
       /\ (SuspendedLow(pump) /\ ~SuspendedLow(pump')) =>
              /\ pump'.missed = 0 /\ ~pump'.counts
              /\ AllToCome(pump') <= AllToCome(pump) /\ Len(pump'.offers) <= Len(pump.offers)]_vars
\* It begins by a reading that says so, and ends by one that says that it is over, by its longest time, or by hand; a
\* meter has no part in it.  GLU-07
GLU_04_NothingIsSuspendedBlindly ==
    [][(SuspendedLow(pump') /\ ~SuspendedLow(pump)) => pump'.reading.value \in LowWords]_vars
GLU_04_NothingBlindEndsIt ==
    [][(SuspendedLow(pump) /\ pump'.mode = "running") =>
           \/ pump'.reading.value = "fine" /\ pump.reading # pump'.reading
           \/ pump.wait = 1 /\ Tick
           \/ Resumes]_vars
GLU_07_AMeterSuspendsNothing ==
    [][(pump'.mode = pump.mode /\ pump'.cause = pump.cause /\ pump'.reading = pump.reading) \/ ~(MeterLow \/ MeterFine)]_vars
\* It stays away after the longest one and after a resume by hand.
GLU_03_ItStaysAway ==
    [][/\ (SuspendedLow(pump') /\ ~SuspendedLow(pump)) => pump.away = 0
       /\ (SuspendedLow(pump) /\ Tick /\ pump.wait = 1) => pump'.away >= LowAway
       /\ (SuspendedLow(pump) /\ Resumes) => pump'.away >= LowAwayHand]_vars
\* What reports or passes by itself is no sign of life.
ALM_08_OnlyAPersonIsASignOfLife ==
    [][pump'.idle < pump.idle => ~(FactEvents \/ GlucoseEvents \/ PulseEvents \/ PowerEvents \/ CommandAgain \/ Tick)]_vars
\* A cause that nobody has read does not go unseen.
ALM_03_NothingUnreadVanishes ==
    [][\A k \in Kinds \ Informs : (Active(pump, k) /\ pump.alarms[k].cause /\ pump.alarms[k].status # "confirmed")
                                      => Active(pump', k)]_vars
\* What comes back after a loss of power has lost and doubled nothing.
PWR_03_PowerLossLosesNothing ==
    [][(PowerLoss \/ Restart) =>
           /\ pump'.left = pump.left /\ pump'.temp = pump.temp /\ Len(pump'.pulses) = Len(pump.pulses)
           /\ pump'.mode = pump.mode /\ AllToCome(pump') = AllToCome(pump)
           /\ pump'.plan = pump.plan /\ pump'.rate = pump.rate /\ pump'.rest = pump.rest /\ pump'.short = pump.short
           /\ pump'.cause = pump.cause /\ pump'.wait = pump.wait /\ pump'.missed = pump.missed
           /\ pump'.reading = pump.reading /\ pump'.away = pump.away /\ pump'.offers = pump.offers]_vars

(***************************************************************************)
(* Insulin: what every step orders, begins and ends.  These rules look at  *)
(* what was answered, which no confirmation empties; none of them uses the *)
(* operators by which the pump is specified to do it.  An event stands     *)
(* last in each: TLC takes long to find out that it was that one.          *)
(***************************************************************************)
RECURSIVE Added(_)
Added(amounts) ==
    IF amounts = {} THEN 0
    ELSE LET amount == CHOOSE each \in amounts : TRUE IN amount[2] + Added(amounts \ {amount})
Total(entries, number(_)) == Added({<<entry[1], number(entry[1]) * entry[2]>> : entry \in entries})
Of(p, what) == {entry \in p.said : entry[1][1] = what}
Second(answer) == answer[2]
Third(answer) == answer[3]
BothParts(answer) == answer[2] + answer[3]
\* Steps of basal, of boluses that are not recorded, and of all but priming, that were ordered in the step to `p`.
BasalOrdered(p) == Total({entry \in Of(p, "order") : entry[1][2] = Basal}, Third)
BolusOrdered(p) == Total({entry \in Of(p, "order") : entry[1][2] \notin {Basal, Priming}}, Third)
Ordered(p) == BasalOrdered(p) + BolusOrdered(p)
FailedOfBoluses(p) ==
    Total({entry \in Of(p, "missed") : entry[1][2] \notin {Basal, Gone} /\ entry[1][4] = "failed"}, Third)
\* What is programmed in a tick, in parts of a step, written down a second time; and which steps of it fall due.
Programmed ==
    LET planned == IF pump.plan = 2 THEN Rate + Rate ELSE IF pump.plan = 1 THEN Rate ELSE 0 IN
    IF pump.temp.kind = "nothing" THEN 0
    ELSE IF pump.temp.kind = "half" THEN planned - planned \div 2
    ELSE IF pump.temp.kind = "double" THEN planned + planned
    ELSE IF pump.temp.kind = "flat" THEN Rate + Rate
    ELSE planned
Due == (pump.rest + Programmed) \div Parts
SumOf(p, number(_)) == Sum([i \in DOMAIN p.boluses |-> number(p.boluses[i])])
SizeOf(bolus) == bolus.size

DEL_12_NothingLeavesOutsideRunning == [][Ordered(pump') > 0 => (pump.mode = "running" /\ Tick)]_vars
DEL_01_BasalIsTheProgramme ==
    [][\/ BasalOrdered(pump') =
              IF pump.mode # "running" THEN 0
              ELSE IF pump.left = Plenty THEN Due ELSE Min(Due, Max(pump.left, 0))
       \/ BasalOrdered(pump') = 0 /\ ~Tick]_vars
\* What is no whole step yet is kept for the next one, over stops, temps and a loss of power.
DEL_02_NothingEarnedIsLost ==
    [][\/ pump'.rest = IF pump.mode = "running" THEN pump.rest + Programmed - Parts * Due ELSE pump.rest
       \/ pump'.rest = pump.rest /\ ~Tick]_vars
\* The rate in force is said when it changes, and is what is programmed while the pump runs.
DEL_01_TheRateIsTheProgramme ==
    pump.rate = IF InMode({"running"}) THEN Programmed ELSE 0
\* A bolus gives at most one step of each part in a tick.
PartsDue(bolus) ==
    IF bolus.fate # "runs" THEN 0 ELSE (IF bolus.fast > 0 THEN 1 ELSE 0) + (IF bolus.ext > 0 THEN 1 ELSE 0)
DEL_05_NoBolusComesFaster == [][BolusOrdered(pump') <= SumOf(pump, PartsDue)]_vars
\* Every bolus that begins was confirmed, with exactly its parts; or a policy makes up what a pause has missed.
BOL_01_OnlyWhatWasConfirmed ==
    [][\A entry \in Of(pump', "begun") :
           \/ entry[2] = 1 /\ \E i \in DOMAIN pump.offers :
                  /\ pump.offers[i].what = "bolus"
                  /\ entry[1][2] = pump.offers[i].fast /\ entry[1][3] = pump.offers[i].ext
                  /\ Confirms(i)
           \/ /\ entry[2] = 1 /\ entry[1][2] = 0
              /\ entry[1][3] = pump.missed /\ pump.stopped <= MakesUp /\ MakesUp > 0
              /\ pump.cause \in {"person", "remote"}
              /\ Resumes]_vars
\* What begins and ends is all that changes what is programmed; what ends is said as it is.  BOL-07, DEL-09
BOL_07_NothingBeginsOrEndsUnsaid ==
    [][SumOf(pump, SizeOf) + Total(Of(pump', "begun"), BothParts)
           = SumOf(pump', SizeOf) + Total(Of(pump', "ended"), Second)]_vars
\* A temp basal begins by the request for it or by a confirmation, and never by a confirmation of something else.  BOL-03
TMP_03_OnlyWhatWasAskedFor ==
    [][\A entry \in Of(pump', "temp") :
           \/ entry[1][4] = "nothing" /\ (TempNothing \/ CommandTemp)
           \/ entry[1][4] = "half" /\ TempHalf
           \/ entry[1][4] = "double" /\ (pump.plan = 0 \/ Rate = 0) /\ TempDouble
           \/ entry[1][4] = "flat" /\ (pump.plan = 2 \/ Rate = 0) /\ TempFlat
           \/ \E i \in DOMAIN pump.offers :
                  pump.offers[i].what = entry[1][4] /\ Confirms(i)]_vars
\* A plan is in force because it was confirmed, and from then on.
PRF_02_ThePlanIsTheConfirmedOne ==
    [][/\ pump'.plan # pump.plan =>
              \E i \in DOMAIN pump.offers :
                  /\ pump.offers[i].what = IF pump'.plan = 1 THEN "plan" ELSE "other plan"
                  /\ Confirms(i)
       /\ (1 \in DOMAIN pump.offers /\ pump.offers[1].what \in Plans /\ ConfirmOne) =>
              pump'.plan = IF pump.offers[1].what = "plan" THEN 1 ELSE 2]_vars
DEL_09_WhatIsUncertainCounts ==
    [][SumOf(pump, Counted) + BolusOrdered(pump')
           = SumOf(pump', Counted) + Total(Of(pump', "ended"), Third) + FailedOfBoluses(pump')]_vars
\* A pause misses what is programmed, tick by tick, and no stop by an alarm or for low glucose misses anything.
SUS_05_OnlyWhatWasMissed ==
    [][/\ pump'.missed > pump.missed =>
              /\ Tick /\ pump.mode = "suspended" /\ pump.cause \notin {"alarm"}
              /\ pump'.missed - pump.missed <= (pump.short + Programmed) \div Parts
       /\ (pump.mode # "running" /\ pump'.mode = "running") => pump'.missed = 0]_vars
\* A command is taken only while a person allows it; one that is repeated does nothing more.
CMD_01_AgainIsNothingMore ==
    [][pump'.said \subseteq Of(pump', "dropped") \/ ~CommandAgain]_vars
CMD_04_OnlyWhatIsAllowed ==
    [][(pump'.commanded /\ ~pump.commanded) => pump.remote]_vars
CMD_04_ForbiddenIsForbidden ==
    [][pump.remote \/ ~(CommandTemp \/ CommandTwo \/ CommandConfirm \/ CommandResume)]_vars

\* What a pump must never do.
Abs == INSTANCE PumpAbs WITH
    flows <- pump.mode = "running", fault <- ActiveStopping(pump) # {}, primes <- pump.mode \in {Prime, Fill},
    offBody <- pump.offBody,
    ordered <- Ordered(pump)
Refines == Abs!Spec

(***************************************************************************)
(* What must come, if time passes.                                         *)
(***************************************************************************)
\* Weak fairness of Tick, with ENABLED written out: TLC takes very long to find out by itself.
TimeCanPass == On("Tick") /\ LET answered == Answered(Passed(pump)) IN Within(answered) /\ answered # pump
Fair == Spec /\ ([]<>~TimeCanPass \/ []<><<Tick>>_vars)
BOL_07_EveryBolusEnds == (pump.boluses # <<>>) ~> (pump.boluses = <<>>)
BOL_02_EveryProposalEnds == (pump.offers # <<>>) ~> (pump.offers = <<>>)
GLU_02_EveryLowSuspendEnds == SuspendedLow(pump) ~> ~SuspendedLow(pump)
WCH_01_StoppedIsTold ==
    InMode({"suspended", "alarm"}) ~> (InMode({"running"}) \/ AsHighAs({"no_delivery_high", "no_delivery_danger"}))
ALM_05_TheUnansweredEscalates ==
    (pump.alarms["priming_issue"].status = "pending") ~>
        (pump.alarms["priming_issue"].level = 2 \/ pump.alarms["priming_issue"].status # "pending")
=============================================================================
