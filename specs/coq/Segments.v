(* Basal programmes as lists of segments, in the three ways in which the kernel answers for them:
   - a sum over all segments (schedule.rs: basal_steps),
   - knots, each with what was earned when it began (law.rs: Programme),
   - the walk from edge to edge (schedule.rs: drive).
   All three are the law of the rate that the list says, for every finite list. *)

From Coq Require Import ZArith Lia List.
From Pump Require Import Law Ramp Basal.
Import ListNotations.
Open Scope Z_scope.

(* A segment is its start and its rate, in force until the next one starts. *)
Definition segments := list (Z * Z).

(* law.rs: check_order *)
Fixpoint ordered (earliest : Z) (s : segments) : Prop :=
  match s with [] => True | (start, _) :: more => earliest <= start /\ ordered (start + 1) more end.

Definition rates_nonneg (s : segments) : Prop := Forall (fun x => 0 <= snd x) s.

(* The rate in force in the microsecond from u on: `before` until the first start. *)
Fixpoint rate_in (before : Z) (s : segments) (u : Z) : Z :=
  match s with
  | [] => before
  | (start, rate) :: more => if start <=? u then rate_in rate more u else before
  end.

Definition rate_at (s : segments) : Z -> Z := rate_in 0 s.

Lemma rate_in_nonneg : forall s before u, rates_nonneg s -> 0 <= before -> 0 <= rate_in before s u.
Proof.
  induction s as [|[a r] l IH]; intros b u H B; cbn [rate_in]; [exact B|]. inversion H; subst; cbn in *.
  destruct (a <=? u); [apply IH|]; assumption.
Qed.

Lemma ordered_weaker : forall s a b, b <= a -> ordered a s -> ordered b s.
Proof. intros [|[x r] l] a b H O; cbn in *; [exact I|]. destruct O. split; [lia|assumption]. Qed.

Lemma rate_in_early : forall s before u a, ordered a s -> u < a -> rate_in before s u = before.
Proof. intros [|[x r] l] before u a O H; cbn in *; [reflexivity|]. destruct (Z.leb_spec x u); [lia|reflexivity]. Qed.

(* ---- Plan::basal_steps: the sum of rate x span over all segments ---- *)

Fixpoint summed (s : segments) (from t : Z) : Z :=
  match s with
  | [] => 0
  | (start, rate) :: more =>
      let until := match more with [] => t | (next, _) :: _ => Z.min next t end in
      rate * Z.max 0 (until - Z.max start from) + summed more from t
  end.

Lemma summed_next : forall s from t a before,
  ordered a s -> from <= t ->
  summed s from (t + 1) = summed s from t + match s with [] => 0 | (x,
    _) :: _ => if x <=? t then rate_in before s t else 0 end.
Proof.
  induction s as [|[x r] more IH]; intros from t a before O H; cbn [summed]; [lia|].
  destruct O as (O1 & O2). destruct more as [|[y q] l].
  - cbn [summed rate_in]. destruct (Z.leb_spec x t).
    + replace (Z.max 0 (t + 1 - Z.max x from)) with (Z.max 0 (t - Z.max x from) + 1) by lia. lia.
    + replace (Z.max 0 (t + 1 - Z.max x from)) with 0 by lia.
      replace (Z.max 0 (t - Z.max x from)) with 0 by lia. lia.
  - rewrite (IH from t (x + 1) r O2 H). destruct O2 as (O2 & O3). cbn [rate_in].
    destruct (Z.leb_spec y t) as [Y|Y]; destruct (Z.leb_spec x t) as [X|X]; [|lia| |].
    + rewrite !Z.min_l by lia. lia.
    + rewrite !Z.min_r by lia. replace (Z.max 0 (t + 1 - Z.max x from)) with (Z.max 0 (t - Z.max x from) + 1) by lia.
      lia.
    + rewrite !Z.min_r by lia. replace (Z.max 0 (t + 1 - Z.max x from)) with 0 by lia.
      replace (Z.max 0 (t - Z.max x from)) with 0 by lia. lia.
Qed.

Lemma summed_begin : forall s from, summed s from from = 0.
Proof.
  induction s as [|[x r] more IH]; intros from; cbn [summed]; [reflexivity|]. rewrite IH.
  destruct more as [|[y q] l]; rewrite Z.max_l by lia; lia.
Qed.

(* DEL-01: the sum over the segments is the integral of the rate. *)
Theorem sum_over_segments_is_the_integral : forall s from t a,
  ordered a s -> from <= t -> summed s from t = earned (rate_at s) from t.
Proof.
  intros s from t a O H. pattern t. apply Zlt_lower_bound_ind with (z := from); [|exact H]. clear t H.
  intros t IH H. destruct (Z.eq_dec t from) as [->|N].
  - rewrite summed_begin, earned_begin by lia. reflexivity.
  - replace t with (t - 1 + 1) by lia. rewrite earned_next by lia. rewrite (summed_next s from (t - 1) a 0 O) by lia.
    rewrite IH by lia. f_equal. unfold rate_at. destruct s as [|[x r] l]; [reflexivity|]. cbn [rate_in].
    destruct (x <=? t - 1); reflexivity.
Qed.

(* So the closed form counts what the law counts. *)
Theorem closed_form_counts_the_law : forall s step from t a,
  ordered a s -> from <= t -> summed s from t / step = count (rate_at s) step from t.
Proof. intros. unfold count. f_equal. eapply sum_over_segments_is_the_integral; eassumption. Qed.

(* ---- Programme: knots ---- *)

Record knot := Knot { start : Z; rate : Z; paid : Z }.

Definition knot_earned (k : knot) (t : Z) : Z := paid k + (t - start k) * rate k.

(* Programme::new *)
Fixpoint knots (last : knot) (s : segments) (from : Z) : list knot :=
  match s with
  | [] => [last]
  | (at_, r) :: more =>
      if at_ <=? from
      then knots (Knot (start last) r (paid last)) more from
      else last :: knots (Knot at_ r (knot_earned last at_)) more from
  end.

(* partition_point, then the last one before it. *)
Fixpoint last_while (p : knot -> bool) (l : list knot) : option knot :=
  match l with
  | [] => None
  | k :: more => if p k then match last_while p more with Some q => Some q | None => Some k end else None
  end.

(* Programme::earned_at *)
Definition earned_at (l : list knot) (t : Z) : Z :=
  match last_while (fun k => start k <=? t) l with Some k => knot_earned k t | None => 0 end.

(* Programme::earns_at *)
Definition earns_at (l : list knot) (wanted : Z) : option Z :=
  match last_while (fun k => paid k <? wanted) l with
  | Some k => if rate k =? 0 then None else Some (start k + cdiv (wanted - paid k) (rate k))
  | None => None
  end.

Section Knots.
  Variable f : Z -> Z.
  Hypothesis f_nonneg : forall u, 0 <= f u.
  Variable from : Z.

  Fixpoint tracks (l : list knot) : Prop :=
    match l with
    | [] => False
    | k :: more =>
        from <= start k /\ paid k = earned f from (start k) /\ 0 <= rate k /\
        match more with
        | [] => forall u, start k <= u -> f u = rate k
        | q :: _ => start k < start q /\ (forall u, start k <= u < start q -> f u = rate k) /\ tracks more
        end
    end.

  Lemma knots_track : forall s last a,
    ordered a s -> rates_nonneg s -> from <= start last -> paid last = earned f from (start last) -> 0 <= rate last ->
    (start last = from \/ start last < a) -> (forall u, start last <= u -> f u = rate_in (rate last) s u) ->
    tracks (knots last s from) /\ match knots last s from with [] => False | k :: _ => start k = start last end.
  Proof.
    induction s as [|[x r] more IH]; intros last a O N B P R S F; cbn [knots].
    - split; [|reflexivity]. cbn [tracks rate_in] in *. repeat split; assumption.
    - destruct O as (O1 & O2). inversion N as [|? ? N1 N2]; subst; cbn [snd] in *. cbn [rate_in] in F.
      destruct (Z.leb_spec x from) as [X|X].
      + destruct (IH (Knot (start last) r (paid last)) (x + 1) O2 N2) as (T & E); cbn [start rate paid]; try assumption.
        * left. destruct S; lia.
        * intros u U. rewrite F by exact U. destruct (Z.leb_spec x u); [reflexivity|lia].
        * split; [exact T|exact E].
      + assert (L : start last < x) by lia.
        destruct (IH (Knot x r (knot_earned last x)) (x + 1) O2 N2) as (T & Q2); cbn [start rate paid]; try lia.
        * unfold knot_earned. rewrite (earned_split f from (start last) x) by lia. rewrite P.
          rewrite (earned_const f (rate last) (start last) x); [lia|lia|].
          intros u U. rewrite F by lia. destruct (Z.leb_spec x u); [lia|reflexivity].
        * intros u U. rewrite F by lia. destruct (Z.leb_spec x u); [reflexivity|lia].
        * split; [|reflexivity]. cbn [tracks].
          destruct (knots (Knot x r (knot_earned last x)) more from) as [|k l]; [contradiction|]. cbn [start] in Q2.
          split; [exact B|]. split; [exact P|]. split; [exact R|]. split; [lia|]. split; [|exact T].
          intros u U. rewrite F by lia. destruct (Z.leb_spec x u); [lia|reflexivity].
  Qed.

  Lemma tracked_earned : forall l t,
    tracks l -> match l with [] => False | k :: _ => start k <= t end -> earned_at l t = earned f from t.
  Proof.
    induction l as [|k more IH]; intros t T H; [contradiction|]. unfold earned_at in *. cbn [last_while].
    destruct (Z.leb_spec (start k) t) as [X|X]; [|lia]. destruct T as (T1 & T2 & T3 & T4).
    assert (V : forall b, (forall u, start k <= u < b -> f u = rate k) -> t <= b -> knot_earned k t = earned f from t).
    { intros b B L. unfold knot_earned. rewrite T2, (earned_split f from (start k) t) by lia.
      rewrite (earned_const f (rate k) (start k) t) by (lia || (intros; apply B; lia)). lia. }
    destruct more as [|q l].
    - cbn [last_while]. apply (V t); [|lia]. intros; apply T4; lia.
    - destruct T4 as (A & B & C). destruct (Z.le_gt_cases (start q) t) as [Y|Y].
      + specialize (IH t C Y). cbn [last_while] in *. destruct (Z.leb_spec (start q) t); [|lia].
        destruct (last_while _ l); exact IH.
      + cbn [last_while]. destruct (Z.leb_spec (start q) t); [lia|]. apply (V (start q)); [exact B|lia].
  Qed.

  Lemma tracked_due : forall step k l,
    1 <= step -> tracks l -> match l with [] => False | q :: _ => paid q < k * step end ->
    match earns_at l (k * step) with
    | Some d => is_due f step from k d
    | None => forall t, from <= t -> count f step from t < k
    end.
  Proof.
    intros step k l P. induction l as [|q more IH]; intros T H; [contradiction|]. unfold earns_at in *.
      cbn [last_while].
    destruct (Z.ltb_spec (paid q) (k * step)) as [X|X]; [|lia]. destruct T as (T1 & T2 & T3 & T4).
    destruct more as [|q2 l].
    - cbn [last_while]. destruct (Z.eqb_spec (rate q) 0) as [Z0|Z0].
      + intros t Ht. unfold count. apply div_lt; [lia|]. destruct (Z.le_gt_cases t (start q)) as [L|G].
        * pose proof (earned_mono f f_nonneg from t (start q) L). lia.
        * rewrite (earned_split f from (start q) t) by lia.
          rewrite (earned_const f 0 (start q) t); [lia|lia|]. intros u U. rewrite T4 by lia. exact Z0.
      + pose proof (cdiv_spec (k * step - paid q) (rate q) ltac:(lia)) as C. rewrite T2.
        apply (due_time_in_closed_form f f_nonneg step from P (start q) (start q + cdiv (k * step - paid q) (rate q))
          (rate q) k);
          [lia|lia| |].
        * intros u U. apply T4. lia.
        * rewrite <- T2. nia.
    - destruct T4 as (A & B & C). destruct (Z.lt_ge_cases (paid q2) (k * step)) as [Y|Y].
      + specialize (IH C Y). cbn [last_while] in *. destruct (Z.ltb_spec (paid q2) (k * step)); [|lia].
        destruct (last_while _ l); exact IH.
      + cbn [last_while]. destruct (Z.ltb_spec (paid q2) (k * step)); [lia|].
        pose proof C as C'. destruct l; cbn [tracks] in C'; destruct C' as (_ & C2 & _);
        (assert (E : earned f from (start q2) = earned f from (start q) + rate q * (start q2 - start q))
          by (rewrite (earned_split f from (start q) (start q2)) by lia;
              rewrite (earned_const f (rate q) (start q) (start q2)) by (lia || exact B); lia);
         assert (R : 0 < rate q) by nia;
         destruct (Z.eqb_spec (rate q) 0); [lia|]; rewrite T2;
         apply (due_time_in_closed_form f f_nonneg step from P (start q) (start q2) (rate q) k); [lia|lia|exact B|lia]).
  Qed.
End Knots.

Definition programme (s : segments) (from : Z) : list knot := knots (Knot from 0 0) s from.

Lemma programme_tracks : forall s from a,
  ordered a s -> rates_nonneg s -> tracks (rate_at s) from (programme s from) /\
  match programme s from with [] => False | k :: _ => start k = from /\ paid k = 0 end.
Proof.
  intros s from a O N. destruct (knots_track (rate_at s) from s (Knot from 0 0) a O N) as (T & L2);
    cbn [start rate paid]; try lia.
  - rewrite earned_begin by lia. reflexivity.
  - reflexivity.
  - unfold programme. destruct (knots (Knot from 0 0) s from) as [|k l]; [contradiction|]. split; [exact T|].
    cbn [start] in L2.
    split; [exact L2|]. cbn [tracks] in T. destruct T as (_ & T & _). rewrite T, L2, earned_begin by lia. reflexivity.
Qed.

(* What a programme says was earned is the integral. *)
Theorem programme_earns_the_integral : forall s from t a,
  ordered a s -> rates_nonneg s -> from <= t -> earned_at (programme s from) t = earned (rate_at s) from t.
Proof.
  intros s from t a O N H. destruct (programme_tracks s from a O N) as (T & B).
  apply (tracked_earned (rate_at s) from); [exact T|]. destruct (programme s from); [contradiction|lia].
Qed.

(* And its due times are those of the law; where it says "never", the step is never due. *)
Theorem programme_says_when_steps_are_due : forall s step from k a,
  1 <= step -> 1 <= k -> ordered a s -> rates_nonneg s ->
  match earns_at (programme s from) (k * step) with
  | Some d => is_due (rate_at s) step from k d
  | None => forall t, from <= t -> count (rate_at s) step from t < k
  end.
Proof.
  intros s step from k a P K O N. destruct (programme_tracks s from a O N) as (T & B).
  apply (tracked_due (rate_at s) (fun u => rate_in_nonneg s 0 u N (Z.le_refl 0)) from step k _ P T).
  destruct (programme s from); [contradiction|]. nia.
Qed.

(* ---- Plan::drive: the walk from edge to edge ---- *)

Fixpoint commands (before from : Z) (s : segments) (to : Z) : list (Z * Z) :=
  match s with
  | [] => [(before, to - from)]
  | (at_, r) :: more =>
      if at_ <=? from then commands r from more to
      else if at_ <? to then (before, at_ - from) :: commands r at_ more to
      else [(before, to - from)]
  end.

Lemma commands_are_the_rates : forall s before from to a,
  ordered a s -> rates_nonneg s -> 0 <= before -> from <= to ->
  allowed (commands before from s to) /\ total_span (commands before from s to) = to - from /\
  forall u, from <= u < to -> rate_by from (commands before from s to) u = rate_in before s u.
Proof.
  assert (one : forall before from to, 0 <= before -> from <= to ->
    allowed [(before, to - from)] /\ total_span [(before, to - from)] = to - from /\
    forall u, from <= u < to -> rate_by from [(before, to - from)] u = before).
  { intros. repeat split; [constructor; [cbn; lia|constructor]|cbn; lia|].
    intros u U. cbn [rate_by]. destruct (Z.ltb_spec u (from + (to - from))); lia. }
  induction s as [|[x r] more IH]; intros before from to a O N B H; cbn [commands rate_in].
  - apply one; assumption.
  - destruct O as (O1 & O2). inversion N as [|? ? N1 N2]; subst; cbn [snd] in *.
    destruct (Z.leb_spec x from) as [X|X].
    + destruct (IH r from to (x + 1) O2 N2 N1 H) as (A & T & R). repeat split; [exact A|exact T|].
      intros u U. rewrite R by exact U. destruct (Z.leb_spec x u); [reflexivity|lia].
    + destruct (Z.ltb_spec x to) as [Y|Y].
      * destruct (IH r x to (x + 1) O2 N2 N1 ltac:(lia)) as (A & T & R).
        repeat split; [constructor; [cbn; lia|exact A]|cbn [total_span]; lia|].
        intros u U. cbn [rate_by]. replace (from + (x - from)) with x by lia.
        destruct (Z.ltb_spec u x); destruct (Z.leb_spec x u); try lia. apply R. lia.
      * destruct (one before from to B H) as (A & T & R). repeat split; [exact A|exact T|].
        intros u U. rewrite R by exact U. destruct (Z.leb_spec x u); [lia|reflexivity].
Qed.

(* DEL-01, DEL-02: for every finite list of segments, every window and every step size the walk takes exactly the steps
   that the law counts, each at its due time; what is earned of a step is carried over every edge. *)
Theorem schedule_is_the_law : forall s fuel step from to a l e,
  1 <= step -> ordered a s -> rates_nonneg s -> from <= to ->
  play fuel step from (Idle 0) (commands 0 from s to) = Some (l, e) ->
  Z.of_nat (length l) = count (rate_at s) step from to /\ rest_at step to e = earned (rate_at s) from to mod step /\
  forall j, (j < length l)%nat -> is_due (rate_at s) step from (Z.of_nat j + 1) (nth j l 0) /\ from < nth j l 0 <= to.
Proof.
  intros s fuel step from to a l e P O N H E.
  destruct (commands_are_the_rates s 0 from to a O N (Z.le_refl 0) H) as (A & T & R).
  destruct (the_walk_is_the_law _ fuel step from l e P A E) as (L & Q & V).
  rewrite T in *. replace (from + (to - from)) with to in * by lia.
  split; [|split].
  - rewrite L. apply same_rates_same_counts, R.
  - rewrite Q. f_equal. apply earned_ext, R.
  - intros j J. destruct (V j J) as (D & B). split; [|exact B].
    refine (proj1 (same_rates_same_due_times _ _ step from _ _ _) D). intros u U. apply R. lia.
Qed.
