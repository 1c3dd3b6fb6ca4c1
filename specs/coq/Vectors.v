(* Vectors computed by the proved definitions, for the kernel and the Python reference to be held against. Inputs are
   chosen by hand, at boundaries: a step that is paid for exactly at an edge or at the end of a window,
     segments of 1 us,
   rate zero, the largest rate, a rate issued again, trains with more steps than microseconds, a cancel on a due time.
     *)

From Coq Require Import ZArith List String Bool.
From Pump Require Import Law Ramp Basal Segments Train Release Caps Words.
Import ListNotations.
Open Scope Z_scope.

Definition fuel : nat := 5000.
Definition HOUR := 3600000000.
Definition DAY := 86400000000.
Definition basal_code := 0. Definition extended := 1. Definition bolus := 2.
Definition no_cancel := -1.

(* ---- Plans: (name, ((step_uu, gap, grid), (from, to)), segments, trains, steps as (instant,
  code of the channel)) ---- *)

Definition train_of := (Z * Z * Z * Z * Z)%type. (* code, start, duration, amount_uu, cancel *)

Definition lane_of (step_uu : Z) (to : Z) (t : train_of) : list Z :=
  let '(_, start, d, amount, _) := t in
  let n := amount / step_uu in filter (fun due => due <=? to) (Train.take (Z.to_nat n) (train start d n 1)).

Definition basal_lane (step_uu from to : Z) (s : segments) : list Z :=
  match play fuel (step_uu * US_PER_HOUR) from (Idle 0) (commands 0 from s to) with Some (l, _) => l | None => [-1] end.

Definition leaves (gap grid : Z) (dues : list Z) : list Z :=
  if 0 <? gap then gaps gap 0 dues else if 0 <? grid then grid_walk grid 0 dues else dues.

(* Trains are listed in the order that breaks ties. With a gap none is cancelled here. *)
Definition plan (name : string) (step_uu gap grid from to : Z) (s : segments) (trains : list train_of) :=
  let lanes := basal_lane step_uu from to s :: map (lane_of step_uu to) trains in
  let steps := merge (List.length (List.concat lanes)) lanes in
  let code := fun i => match i with O => basal_code | S j => let '(c, _, _, _, _) := nth j trains (0, 0, 0, 0,
    0) in c end in
  let cancel := fun i => match i with O => -1 | S j => let '(_, _, _, _, x) := nth j trains (0, 0, 0, 0, 0) in x end in
  let left := combine (leaves gap grid (map fst steps)) (map snd steps) in
  let kept := filter (fun x => (from <? fst x) && (fst x <=? to) && ((cancel (snd x) <? 0) || (fst x <=? cancel (snd
    x)))) left in
  (name, ((step_uu, gap, grid), (from, to)), s, trains, map (fun x => (fst x, code (snd x))) kept).

Definition plans := [
  plan "a step paid for exactly at the end of the window" 50000 0 0 0 HOUR [(0, 50000)] [];
  plan "one microsecond before it is paid for" 50000 0 0 0 (HOUR - 1) [(0, 50000)] [];
  plan "a step paid for exactly at an edge" 50000 0 0 0 (2 * HOUR) [(0, 50000); (HOUR, 50001)] [];
  plan "the remainder is carried over an edge" 50000 0 0 0 (2 * HOUR) [(0, 70000); (HOUR / 2, 30000)] [];
  plan "segments of one microsecond" 100 0 0 0 2000 [(0, 1000000000); (359, 999999999); (360, 1000000000); (361, 1);
    (362, 999999937)] [];
  plan "rate zero between two rates" 50000 0 0 0 (4 * HOUR) [(0, 49999); (HOUR, 0); (2 * HOUR, 1); (3 * HOUR, 0);
    (3 * HOUR + 1, 700000)] [];
  plan "nothing before the first segment" 50000 0 0 100 (HOUR + 100) [(HOUR / 2, 800000)] [];
  plan "a window that begins inside a segment" 25000 0 0 (HOUR / 3) (HOUR + 1) [(0, 1000003); (HOUR / 2, 850000)] [];
  plan "no segment at all" 50000 0 0 0 HOUR [] [];
  plan "a window of no time" 50000 0 0 7 7 [(0, 1000000000)] [];
  plan "the largest rate, a stretch of 256 and more" 10000 0 0 0 10900000 [(0, 1000000000)] [];
  plan "a rate that divides nothing, a stretch of 256 and more" 10000 0 0 0 10900000 [(0, 999999937)] [];
  plan "a stretch of 64 and more" 50000 0 0 5 26000005 [(0, 999999937)] [];
  plan "a stretch of 16 and more" 1000000 0 0 1 80000001 [(0, 999999937)] [];
  plan "the smallest step at the largest rate" 100 0 0 0 3600 [(0, 1000000000)] [];
  plan "the last hour of all time" 1000000 0 0 9999996400000000 10000000000000000 [(0, 1000000); (9999998200000000,
    3000001)] [];
  plan "a train of three steps in 100 us" 50000 0 0 0 1000 [] [(bolus, 100, 100, 150000, no_cancel)];
  plan "more steps than microseconds" 50000 0 0 0 20 [] [(bolus, 5, 3, 500000, no_cancel)];
  plan "a train of one microsecond" 50000 0 0 0 10 [] [(bolus, 5, 1, 200000, no_cancel)];
  plan "a train of one step" 50000 0 0 0 1000 [] [(extended, 0, 999, 50000, no_cancel)];
  plan "a train that ends with the window" 50000 0 0 0 105 [] [(extended, 5, 100, 350000, no_cancel)];
  plan "a window inside a train" 50000 0 0 40 70 [] [(extended, 5, 100, 350000, no_cancel)];
  plan "cancel exactly on a due time" 50000 0 0 0 1000 [] [(bolus, 100, 100, 150000, 167)];
  plan "cancel one microsecond before a due time" 50000 0 0 0 1000 [] [(bolus, 100, 100, 150000, 166)];
  plan "cancel at the start" 50000 0 0 0 1000 [] [(bolus, 100, 100, 150000, 100)];
  plan "the longest train" 1000000 0 0 0 10000000000000000 [] [(extended, 0, 10000000000000000, 7000000, no_cancel)];
  plan "three channels due at one instant" 50000 0 0 0 HOUR [(0, 50000)]
    [(extended, 0, HOUR, 100000, no_cancel); (bolus, HOUR / 2, HOUR / 2, 50000, no_cancel); (bolus, HOUR - 10, 10,
      50000, no_cancel)];
  plan "a gap between steps due at once" 50000 2000000 0 0 HOUR [(0, 50000)]
    [(extended, HOUR / 2, HOUR / 2, 100000, no_cancel); (bolus, HOUR / 2, 1, 250000, no_cancel)];
  plan "a gap that ends exactly when the next step is due" 50000 20 0 0 100 [] [(bolus, 0, 60, 150000, no_cancel)];
  plan "a gap one microsecond longer than the pace" 50000 21 0 0 100 [] [(bolus, 0, 60, 150000, no_cancel)];
  plan "a pulse that the gap moves out of the window" 50000 50 0 0 100 [] [(bolus, 0, 1, 150000, no_cancel)];
  plan "a grid on which a step falls exactly" 50000 0 180000000 0 HOUR [(0, 1000000)] [];
  plan "several steps of one channel on the grid" 50000 0 300000000 0 HOUR [(0, 5000003)] [(bolus, 1, 299999999,
    500000, no_cancel)];
  plan "a grid instant one microsecond before a due time" 50000 0 100 0 1000 [] [(bolus, 0, 101, 50000, no_cancel)];
  plan "a cancel between a due time and its grid instant" 50000 0 100 0 1000 [] [(bolus, 0, 300, 150000, 299)]
].

(* ---- The engine: (name, step_uu, from, commands as (rate, span), due times, rest in fine units) ---- *)

Definition engine (name : string) (step_uu from : Z) (cs : list (Z * Z)) :=
  let step := step_uu * US_PER_HOUR in
  match play fuel step from (Idle 0) cs with
  | Some (l, s) => (name, step_uu, from, cs, l, rest_at step (from + total_span cs) s)
  | None => (name, step_uu, from, cs, [-1], -1)
  end.

Definition engines := [
  engine "0.7 U/h issued every five minutes for two hours" 50000 0 (repeat (700000, 300000000) 24);
  engine "0.7 U/h for two hours" 50000 0 [(700000, 7200000000)];
  engine "issued again every microsecond" 100 0 (repeat (999999937, 1) 1000);
  engine "issued again without any time between" 50000 3 [(50000, 10); (50000, 0); (0, 0); (50000, 0); (50000,
    HOUR - 10); (50000, 0)];
  engine "issued again exactly on a due time" 50000 0 [(50000, HOUR); (50000, HOUR - 1); (50000, 1); (50001, HOUR)];
  engine "a rest that waits while the rate is zero" 50000 0 [(49999, HOUR); (0, DAY); (1, HOUR); (0, 1); (1, 1)];
  engine "the largest rate after the smallest" 1000000 0 [(1, DAY); (1000000000, 3600000); (1, 1); (1000000000,
    3599999)];
  engine "near the end of time" 1000000 9999996400000000 [(999999937, 1800000); (1, 3598200000)]
].

(* ---- Programmes: (name, step_uu, from, segments, (t, count) ..., (k, due) ...), -1 where a step is never due ---- *)

Definition knots_of (name : string) (step_uu from : Z) (s : segments) (ts ks : list Z) :=
  let step := step_uu * US_PER_HOUR in
  let p := programme s from in
  (name, step_uu, from, s, map (fun t => (t, earned_at p t / step)) ts,
   map (fun k => (k, match earns_at p (k * step) with Some d => if d <=? snd TIME_US then d else -1 | None => -1 end))
     ks).

Definition programmes := [
  knots_of "one rate" 50000 0 [(0, 700000)] [0; 257142857; 257142858; DAY] [1; 2; 336; 337];
  knots_of "a rate that stops" 50000 0 [(0, 50000); (2 * HOUR, 0)] [HOUR - 1; HOUR; 2 * HOUR; DAY] [1; 2; 3];
  knots_of "zero in the middle" 50000 0 [(0, 49999); (HOUR, 0); (DAY, 1)] [HOUR; DAY; DAY + HOUR - 1; DAY + HOUR] [1;
    2];
  knots_of "from the middle of a segment" 25000 (HOUR / 3) [(0, 1000003); (HOUR / 2, 850000); (HOUR, 1)]
    [HOUR / 3; HOUR / 2; HOUR; DAY] [1; 2; 20; 28; 29; 30; 31];
  knots_of "the largest of all" 100 0 [(0, 1000000000)] [359; 360; 9999999999999999; 10000000000000000]
    [1; 27777777777777; 27777777777778; 9223372036854775807];
  knots_of "the largest step at the smallest rate" 1000000 0 [(0, 1)] [3599999999999999; 3600000000000000;
    10000000000000000] [1; 2; 3];
  knots_of "nothing" 50000 0 [] [0; DAY] [1]
].

(* ---- Trains that are cancelled: (name, start, duration, steps, (t, delivered) ...) ---- *)

Definition train_at (name : string) (start d n : Z) (ts : list Z) := (name, start, d, n, map (fun t => (t,
  train_count start d n t)) ts).

Definition trains := [
  train_at "three steps in 100 us" 1000 100 3 [1000; 1033; 1034; 1066; 1067; 1099; 1100];
  train_at "a step each microsecond" 0 7 7 [0; 1; 6; 7];
  train_at "more steps than microseconds" 10 3 10 [10; 11; 12; 13];
  train_at "one step" 0 9999999999999999 1 [0; 9999999999999998; 9999999999999999];
  train_at "the most steps" 0 10000000000000000 1000000 [9999999999; 10000000000; 19999999999; 20000000000]
].

(* ---- Caps: (name, hour cap, day cap, requests, taken of each, steps in the hour and in the day at the end) ---- *)

Fixpoint take_all (hm dm : option Z) (c : caps) (requests : list (Z * Z)) : list Z * caps :=
  match requests with
  | [] => ([], c)
  | (at_, n) :: more => let '(x, c1) := Caps.take hm dm at_ n c in let '(l, c2) := take_all hm dm c1 more in (x :: l,
    c2)
  end.

Definition capped (name : string) (hm dm : Z) (requests : list (Z * Z)) :=
  let '(l, c) := take_all (Some hm) (Some dm) (fresh 0) requests in
  let at_ := fst (List.last requests (0, 0)) in
  (name, hm, dm, requests, l, (total (roll HOUR_BUCKET HOUR_LEN at_ (hour c)),
    total (roll DAY_BUCKET DAY_LEN at_ (day c)))).

Definition MIN := 60000000.
Definition caps_ := [
  capped "the hour's cap is reached" 10 100 [(MIN, 7); (2 * MIN, 7); (3 * MIN, 1)];
  capped "exactly an hour later it still counts" 10 100 [(MIN, 10); (61 * MIN, 5); (62 * MIN - 1, 5); (62 * MIN, 5)];
  capped "the last microsecond of a bucket" 10 100 [(2 * MIN - 1, 10); (62 * MIN - 1, 1); (62 * MIN, 1)];
  capped "no reset at midnight" 30 30 [(DAY - 1, 30); (DAY, 1); (DAY + 10 * MIN, 1); (2 * DAY - 1, 30); (2 * DAY, 30)];
  capped "the day's cap holds where the hour's does not" 10 25 [(1, 10); (2 * HOUR, 10); (4 * HOUR, 10); (DAY, 10);
    (DAY + 10 * MIN, 10)];
  capped "after a pause longer than the ring" 10 20 [(1, 10); (3 * DAY, 10); (3 * DAY + 1, 1); (3 * DAY + 61 * MIN,
    10)];
  capped "a cap of zero" 0 10 [(1, 5); (HOUR, 5)]
].

Set Printing Width 118.
Set Printing Depth 1000000.
Eval vm_compute in ("plans"%string, plans).
Eval vm_compute in ("engines"%string, engines).
Eval vm_compute in ("programmes"%string, programmes).
Eval vm_compute in ("trains"%string, trains).
Eval vm_compute in ("caps"%string, caps_).
