(* The delivery law, said once, and what follows from it for every programme.

   Time is in whole microseconds, insulin in fine units (what 1 uu/h earns in 1 us), so every quantity is an integer and
   nothing is ever rounded before the end. A programme is ANY function from the microsecond to the rate in force: lists
   of segments, temp basals, trains and cuttings of time are all such functions (Segments.v, Walk.v, Train.v). *)

From Coq Require Import ZArith Lia.
Open Scope Z_scope.

(* Quotient, rounded up. *)
Definition cdiv (a b : Z) : Z := - ((- a) / b).

(* f(from) + f(from + 1) + ... : n terms. *)
Fixpoint sum (f : Z -> Z) (from : Z) (n : nat) : Z :=
  match n with
  | O => 0
  | S m => sum f from m + f (from + Z.of_nat m)
  end.

(* What is earned from `from` until `t`: the integral of the rate, microsecond by microsecond. *)
Definition earned (rate : Z -> Z) (from t : Z) : Z := sum rate from (Z.to_nat (t - from)).

(* Steps due by t. Insulin is rounded down. *)
Definition count (rate : Z -> Z) (step from t : Z) : Z := earned rate from t / step.

(* Step k is due at the least microsecond at which that count reaches k. *)
Definition is_due (rate : Z -> Z) (step from k t : Z) : Prop :=
  from <= t /\ k <= count rate step from t /\ forall u, from <= u < t -> count rate step from u < k.

(* ---- Arithmetic that the other files use ---- *)

Lemma cdiv_spec : forall a b, 0 < b -> b * (cdiv a b - 1) < a <= b * cdiv a b.
Proof.
  intros a b H. unfold cdiv.
  pose proof (Z.div_mod (- a) b ltac:(lia)). pose proof (Z.mod_pos_bound (- a) b H). nia.
Qed.

Lemma cdiv_unique : forall a b q, 0 < b -> b * (q - 1) < a <= b * q -> cdiv a b = q.
Proof. intros a b q H1 H2. pose proof (cdiv_spec a b H1). nia. Qed.

Lemma cdiv_le : forall a b q, 0 < b -> (cdiv a b <= q <-> a <= b * q).
Proof. intros a b q H. pose proof (cdiv_spec a b H). split; intros; nia. Qed.

Lemma div_ge : forall a b q, 0 < b -> (q <= a / b <-> b * q <= a).
Proof.
  intros a b q H. pose proof (Z.div_mod a b ltac:(lia)). pose proof (Z.mod_pos_bound a b H). split; intros; nia.
Qed.

Lemma div_lt : forall a b q, 0 < b -> (a / b < q <-> a < b * q).
Proof.
  intros a b q H. pose proof (Z.div_mod a b ltac:(lia)). pose proof (Z.mod_pos_bound a b H). split; intros; nia.
Qed.

Lemma div_is : forall a b q, 0 < b -> b * q <= a < b * (q + 1) -> a / b = q.
Proof. intros a b q H1 H2. symmetry. apply Z.div_unique with (r := a - b * q); lia. Qed.

Lemma sum_ext : forall f g from n,
  (forall u, from <= u < from + Z.of_nat n -> f u = g u) -> sum f from n = sum g from n.
Proof.
  induction n as [|n IH]; intros H; cbn [sum]; [reflexivity|].
  rewrite IH by (intros; apply H; lia). rewrite H by lia. reflexivity.
Qed.

Lemma sum_app : forall f from n m, sum f from (n + m) = sum f from n + sum f (from + Z.of_nat n) m.
Proof.
  intros f from n m. induction m as [|m IH].
  - rewrite Nat.add_0_r. cbn. lia.
  - rewrite Nat.add_succ_r. cbn [sum]. rewrite IH.
    replace (from + Z.of_nat (n + m)) with (from + Z.of_nat n + Z.of_nat m) by lia. lia.
Qed.

Lemma sum_const : forall f c from n,
  (forall u, from <= u < from + Z.of_nat n -> f u = c) -> sum f from n = c * Z.of_nat n.
Proof.
  induction n as [|n IH]; intros H; cbn [sum]; [lia|].
  rewrite IH by (intros; apply H; lia). rewrite H by lia. lia.
Qed.

Lemma sum_nonneg : forall f from n,
  (forall u, from <= u < from + Z.of_nat n -> 0 <= f u) -> 0 <= sum f from n.
Proof.
  induction n as [|n IH]; intros H; cbn [sum]; [lia|].
  specialize (IH ltac:(intros; apply H; lia)). specialize (H (from + Z.of_nat n) ltac:(lia)). lia.
Qed.

Lemma earned_begin : forall rate from t, t <= from -> earned rate from t = 0.
Proof. intros. unfold earned. replace (Z.to_nat (t - from)) with O by lia. reflexivity. Qed.

Lemma earned_next : forall rate from t, from <= t -> earned rate from (t + 1) = earned rate from t + rate t.
Proof.
  intros rate from t H. unfold earned. replace (Z.to_nat (t + 1 - from)) with (S (Z.to_nat (t - from))) by lia.
  cbn [sum]. replace (from + Z.of_nat (Z.to_nat (t - from))) with t by lia. reflexivity.
Qed.

Lemma earned_split : forall rate from a b,
  from <= a <= b -> earned rate from b = earned rate from a + earned rate a b.
Proof.
  intros rate from a b H. unfold earned.
  replace (Z.to_nat (b - from)) with (Z.to_nat (a - from) + Z.to_nat (b - a))%nat by lia.
  rewrite sum_app. replace (from + Z.of_nat (Z.to_nat (a - from))) with a by lia. reflexivity.
Qed.

Lemma earned_const : forall rate c a b,
  a <= b -> (forall u, a <= u < b -> rate u = c) -> earned rate a b = c * (b - a).
Proof.
  intros rate c a b H E. unfold earned. rewrite sum_const with (c := c) by (intros; apply E; lia). f_equal. lia.
Qed.

Lemma earned_ext : forall f g from t, (forall u, from <= u < t -> f u = g u) -> earned f from t = earned g from t.
Proof. intros f g from t H. unfold earned. apply sum_ext. intros. apply H. lia. Qed.

(* ---- What the law promises, for every programme ---- *)

Section Law.
  Variable rate : Z -> Z.
  Hypothesis rate_nonneg : forall u, 0 <= rate u.
  Variables step from : Z.
  Hypothesis step_pos : 1 <= step.

  Lemma earned_nonneg : forall t, 0 <= earned rate from t.
  Proof. intros t. apply sum_nonneg. intros. apply rate_nonneg. Qed.

  Lemma earned_mono : forall a b, a <= b -> earned rate from a <= earned rate from b.
  Proof.
    intros a b H. destruct (Z.le_gt_cases a from) as [L|G].
    - rewrite (earned_begin _ _ a) by lia. apply earned_nonneg.
    - rewrite (earned_split rate from a b) by lia.
      assert (0 <= earned rate a b) by (apply sum_nonneg; intros; apply rate_nonneg). lia.
  Qed.

  (* DEL-01: what is due is never ahead of the programme. *)
  Theorem never_ahead : forall t, step * count rate step from t <= earned rate from t.
  Proof. intros t. unfold count. apply Z.mul_div_le. lia. Qed.

  (* DEL-01: and it is behind by less than one step. *)
  Theorem lag_below_one_step : forall t, earned rate from t - step * count rate step from t < step.
  Proof.
    intros t. unfold count. pose proof (Z.div_mod (earned rate from t) step ltac:(lia)).
    pose proof (Z.mod_pos_bound (earned rate from t) step ltac:(lia)). lia.
  Qed.

  (* No step that is due is ever taken back. *)
  Theorem count_never_falls : forall a b, a <= b -> count rate step from a <= count rate step from b.
  Proof. intros a b H. unfold count. apply Z.div_le_mono; [lia|]. apply earned_mono, H. Qed.

  (* Before the programme begins nothing is due. *)
  Theorem nothing_due_at_the_beginning : count rate step from from = 0.
  Proof. unfold count. rewrite earned_begin by lia. apply Z.div_0_l. lia. Qed.

  (* A due time, said without the count: the least microsecond at which k steps are paid for. *)
  Lemma is_due_iff : forall k t,
    is_due rate step from k t <->
    from <= t /\ k * step <= earned rate from t /\ forall u, from <= u < t -> earned rate from u < k * step.
  Proof.
    intros k t. unfold is_due, count. rewrite div_ge by lia.
    split; intros (A & B & C); (split; [exact A|split; [lia|]]); intros u Hu; specialize (C u Hu);
      rewrite ?div_lt in * by lia; lia.
  Qed.

  (* There is never more than one due time for a step. *)
  Theorem due_time_is_one : forall k t u, is_due rate step from k t -> is_due rate step from k u -> t = u.
  Proof.
    intros k t u (A1 & B1 & C1) (A2 & B2 & C2).
    destruct (Z.lt_trichotomy t u) as [L|[E|G]]; [|exact E|].
    - specialize (C2 t ltac:(lia)). lia.
    - specialize (C1 u ltac:(lia)). lia.
  Qed.

  (* DEL-01: a step is due less than one microsecond after it has been earned: one microsecond before,
    it had not been. *)
  Theorem lag_below_one_microsecond : forall k t,
    is_due rate step from k t -> from < t -> earned rate from (t - 1) < k * step <= earned rate from t.
  Proof. intros k t H L. apply is_due_iff in H. destruct H as (A & B & C). split; [apply C|]; lia. Qed.

  (* Step by step, count and due time say the same: step k is due by t exactly if the count has reached k. *)
  Theorem due_by_iff_counted : forall k d t,
    is_due rate step from k d -> from <= t -> (d <= t <-> k <= count rate step from t).
  Proof.
    intros k d t (A & B & C) H. split; intros X.
    - pose proof (count_never_falls d t X). lia.
    - destruct (Z.le_gt_cases d t) as [L|G]; [exact L|]. specialize (C t ltac:(lia)). lia.
  Qed.

  (* Later steps are due no earlier. *)
  Theorem due_times_never_fall : forall j k t u,
    is_due rate step from j t -> is_due rate step from k u -> j <= k -> t <= u.
  Proof.
    intros j k t u T (A & B & C) H. apply (due_by_iff_counted j t u T A). lia.
  Qed.

  (* Every step that is ever paid for has a due time: none is lost. *)
  Theorem every_earned_step_has_a_due_time : forall t k,
    from <= t -> 0 <= k <= count rate step from t -> exists d, d <= t /\ is_due rate step from k d.
  Proof.
    intros t k H. pattern t. apply Zlt_lower_bound_ind with (z := from); [|exact H].
    clear t H. intros t IH H K.
    destruct (Z.eq_dec t from) as [->|N].
    - exists from. rewrite nothing_due_at_the_beginning in K. split; [lia|]. unfold is_due.
      rewrite nothing_due_at_the_beginning. repeat split; intros; lia.
    - destruct (Z.le_gt_cases k (count rate step from (t - 1))) as [L|G].
      + destruct (IH (t - 1) ltac:(lia) ltac:(lia)) as (d & D1 & D2). exists d. split; [lia|exact D2].
      + exists t. split; [lia|]. repeat split; [lia|lia|]. intros u U.
        pose proof (count_never_falls u (t - 1) ltac:(lia)). lia.
  Qed.

  (* While the rate stays the same, the due time has a closed form: the rest to go, divided by the rate, rounded up. *)
  Theorem due_time_in_closed_form : forall a b c k,
    from <= a -> 0 < c -> (forall u, a <= u < b -> rate u = c) ->
    earned rate from a < k * step <= earned rate from a + c * (b - a) ->
    is_due rate step from k (a + cdiv (k * step - earned rate from a) c).
  Proof.
    intros a b c k A C E K. set (g := k * step - earned rate from a).
    pose proof (cdiv_spec g c C) as Q. set (d := cdiv g c) in *.
    assert (D1 : 0 < d) by (unfold g in *; nia).
    assert (D2 : d <= b - a) by (apply cdiv_le; unfold g; lia).
    assert (V : forall u, a <= u <= a + d -> earned rate from u = earned rate from a + c * (u - a)).
    { intros u U. rewrite (earned_split rate from a u) by lia. f_equal.
      apply earned_const; [lia|]. intros; apply E; lia. }
    apply is_due_iff. repeat split; [lia|rewrite V by lia; unfold g in *; nia|].
    intros u U. destruct (Z.le_gt_cases a u) as [L|G].
    - rewrite V by lia. unfold g in *. nia.
    - pose proof (earned_mono u a ltac:(lia)). lia.
  Qed.
End Law.

(* DEL-03: two programmes with the same rate in every microsecond have the same counts and the same due times, however
   each was put together: cut, split, merged, or the same rate issued any number of times. *)
Theorem same_rates_same_counts : forall f g step from t,
  (forall u, from <= u < t -> f u = g u) -> count f step from t = count g step from t.
Proof. intros. unfold count. f_equal. apply earned_ext. assumption. Qed.

Theorem same_rates_same_due_times : forall f g step from k t,
  (forall u, from <= u < t -> f u = g u) -> (is_due f step from k t <-> is_due g step from k t).
Proof.
  assert (one : forall f g step from k t, (forall u, from <= u < t -> f u = g u) ->
                                          is_due f step from k t -> is_due g step from k t).
  { intros f g step from k t H (A & B & C). repeat split; [exact A| |].
    - rewrite <- (same_rates_same_counts f g) by exact H. exact B.
    - intros u U. rewrite <- (same_rates_same_counts f g) by (intros; apply H; lia). apply C, U. }
  intros. split; apply one; intros; [|symmetry]; auto.
Qed.
