(* A programme that begins anew after each period (kernel-rs/core/src/law.rs: Cycle): what is left over of a step is
   carried from one period into the next. *)

From Coq Require Import ZArith Lia.
From Pump Require Import Law.
Open Scope Z_scope.

Section Cycle.
  (* The rate of one period, from 0 to before `period`. *)
  Variable once : Z -> Z.
  Hypothesis once_nonneg : forall u, 0 <= once u.
  Variables step from period : Z.
  Hypothesis step_pos : 1 <= step.
  Hypothesis period_pos : 1 <= period.

  Definition over_and_over (u : Z) : Z := once ((u - from) mod period).

  Definition period_fine : Z := earned once 0 period.

  (* Cycle::count_at *)
  Definition cycle_earned (t : Z) : Z :=
    let span := Z.max 0 (t - from) in span / period * period_fine + earned once 0 (span mod period).

  Lemma a_shift : forall f g a b m, (forall u, a <= u < a + Z.of_nat m -> f u = g (u - a + b)) -> sum f a m = sum g b m.
  Proof.
    induction m as [|m IH]; intros H; cbn [sum]; [reflexivity|]. rewrite IH by (intros; apply H; lia).
    rewrite H by lia. f_equal. f_equal. lia.
  Qed.

  Lemma within_a_period : forall q r,
    0 <= r <= period -> earned over_and_over (from + q * period) (from + q * period + r) = earned once 0 r.
  Proof.
    intros q r R. unfold earned. replace (from + q * period + r - (from + q * period)) with (r - 0) by lia.
    apply a_shift. intros u U. unfold over_and_over.
    replace (u - from) with (u - (from + q * period) + q * period) by lia. rewrite Z.mod_add by lia.
    rewrite Z.mod_small by lia. f_equal. lia.
  Qed.

  Lemma whole_periods : forall q, earned over_and_over from (from + Z.of_nat q * period) = Z.of_nat q * period_fine.
  Proof.
    induction q as [|q IH].
    - rewrite earned_begin by lia. lia.
    - rewrite (earned_split _ from (from + Z.of_nat q * period)) by nia. rewrite IH.
      replace (from + Z.of_nat (S q) * period) with (from + Z.of_nat q * period + period) by lia.
      rewrite within_a_period by lia. unfold period_fine. lia.
  Qed.

  (* DEL-02: what so many periods and a part of one earn is the integral of the rate over all of them. *)
  Theorem cycle_earns_the_integral : forall t, from <= t -> cycle_earned t = earned over_and_over from t.
  Proof.
    intros t T. unfold cycle_earned. rewrite Z.max_r by lia. set (q := (t - from) / period).
    pose proof (Z.div_mod (t - from) period ltac:(lia)) as E. fold q in E.
    pose proof (Z.mod_pos_bound (t - from) period ltac:(lia)) as B.
    assert (Q : 0 <= q) by (apply Z.div_pos; lia).
    assert (P : 0 <= q * period) by (apply Z.mul_nonneg_nonneg; lia).
    rewrite (earned_split _ from (from + q * period) t) by lia.
    rewrite <- (Z2Nat.id q) at 2 by lia. rewrite whole_periods. rewrite Z2Nat.id by lia. f_equal.
    replace t with (from + q * period + (t - from) mod period) at 2 by lia. symmetry. apply within_a_period. lia.
  Qed.

  (* Cycle::due_at: what is due at the very end of a period belongs to it, so one less is divided. *)
  Theorem cycle_says_when_steps_are_due : forall k into,
    1 <= k -> 1 <= period_fine ->
    let before := k * step - 1 in
    is_due once 1 0 (before mod period_fine + 1) into ->
    is_due over_and_over step from k (from + before / period_fine * period + into).
  Proof.
    intros k into K F before D. apply (is_due_iff once 1 0 ltac:(lia)) in D. destruct D as (D1 & D2 & D3).
    rewrite Z.mul_1_r in *. pose proof (Z.div_mod before period_fine ltac:(lia)) as E.
    pose proof (Z.mod_pos_bound before period_fine ltac:(lia)) as B. set (q := before / period_fine) in *.
    set (paid := before mod period_fine) in *.
    assert (Q : 0 <= q) by (apply Z.div_pos; [unfold before; nia|lia]).
    assert (P : 0 <= q * period) by (apply Z.mul_nonneg_nonneg; lia).
    assert (N : forall u, 0 <= over_and_over u) by (intros u; apply once_nonneg).
    assert (I : into <= period).
    { destruct (Z.le_gt_cases into period) as [L|G]; [exact L|]. specialize (D3 period ltac:(lia)).
      fold period_fine in D3. lia. }
    assert (V : forall r, 0 <= r <= period -> earned over_and_over from (from + q * period + r) = q * period_fine +
      earned once 0 r).
    { intros r R. rewrite (earned_split _ from (from + q * period)) by lia. rewrite within_a_period by lia. f_equal.
      rewrite <- (Z2Nat.id q) at 1 by lia. rewrite whole_periods. rewrite Z2Nat.id by lia. reflexivity. }
    apply (is_due_iff over_and_over step from step_pos). split; [lia|]. split.
    - rewrite V by lia. unfold before in E. lia.
    - intros u U. destruct (Z.le_gt_cases (from + q * period) u) as [L|G].
      + replace u with (from + q * period + (u - (from + q * period))) by lia. rewrite V by lia.
        specialize (D3 (u - (from + q * period)) ltac:(lia)). unfold before in E. lia.
      + pose proof (earned_mono over_and_over N from u (from + q * period) ltac:(lia)) as M.
        replace (from + q * period) with (from + q * period + 0) in M by lia. rewrite V in M by lia.
        rewrite (earned_begin once 0 0) in M by lia. unfold before in E. lia.
  Qed.
End Cycle.
