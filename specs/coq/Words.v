(* No value leaves its word: with the ranges of kernel-rs/core/src/range.rs (the gate compares those that stand here) each
   intermediate of the walking form fits 64 bits, and each of the closed form 128. *)

From Coq Require Import ZArith Lia List.
From Pump Require Import Law Ramp Basal Segments Train Dues Release.
Import ListNotations.
Open Scope Z_scope.

(* Rows of range.rs: least and largest. *)
Definition TIME_US := (0, 10000000000000000).
Definition DURATION_US := (1, 10000000000000000).
Definition RATE_UU_PER_H := (0, 1000000000).
Definition STEP_UU := (100, 1000000).
Definition AMOUNT_UU := (100, 1000000000).
Definition GAP_US := (0, 3600000000).
Definition GRID_US := (0, 86400000000).
Definition WAITING_STEPS := (0, 100).
Definition US_PER_HOUR := 3600000000.

Definition within (row : Z * Z) (x : Z) : Prop := fst row <= x <= snd row.
Definition fits64 (x : Z) : Prop := 0 <= x < 2 ^ 64.
Definition fits128 (x : Z) : Prop := 0 <= x < 2 ^ 128.

Ltac rows := unfold within, TIME_US, DURATION_US, RATE_UU_PER_H, STEP_UU, AMOUNT_UU, GAP_US, GRID_US, WAITING_STEPS,
  US_PER_HOUR, fits64, fits128 in *; cbn [fst snd] in *; change (2 ^ 64) with 18446744073709551616 in *;
  change (2 ^ 128) with 340282366920938463463374607431768211456 in *; change (2 ^ 55) with 36028797018963968 in *.

(* Actuator::step_fine *)
Theorem step_in_fine_units_fits : forall step_uu, within STEP_UU step_uu -> fits64 (step_uu * US_PER_HOUR).
Proof. intros. rows. lia. Qed.

Definition step_fine_range (step : Z) : Prop := 100 * US_PER_HOUR <= step <= 1000000 * US_PER_HOUR.

(* Ramp::basal: every intermediate, and the next due time below 2^55. *)
Theorem basal_fits : forall now step rate rest,
  within TIME_US now -> step_fine_range step -> 1 <= rate <= snd RATE_UU_PER_H -> 0 <= rest < step ->
  let r := basal now step rate rest in
  let to_go := step - rest in
  fits64 to_go /\ fits64 (cdiv to_go rate) /\ fits64 (cdiv to_go rate * rate) /\ fits64 (cdiv to_go rate * rate -
    to_go) /\
  0 <= next r < 2 ^ 55 /\ fits64 (over r) /\ fits64 (whole r) /\ fits64 (part r) /\ fits64 (den r).
Proof.
  intros now step rate rest T S R X r to_go. unfold step_fine_range in S. rows.
  pose proof (cdiv_spec to_go rate ltac:(lia)) as C. unfold r, basal; cbn [next over whole part den]. fold to_go.
  assert (G : 0 <= to_go <= 3600000000000000) by (unfold to_go; lia).
  assert (D : 0 <= cdiv to_go rate <= 3600000000000000) by nia.
  assert (E : 0 <= cdiv to_go rate * rate - to_go < rate) by nia.
  pose proof (Z.mod_pos_bound step rate ltac:(lia)). pose proof (Z.div_pos step rate ltac:(lia) ltac:(lia)).
  assert (step / rate <= step) by (apply Z.div_le_upper_bound; nia). repeat split; lia.
Qed.

(* Ramp::step: from any step that is due within the range of times, of basal or of a train (which ends by 2e16). *)
Theorem walk_fits : forall n r,
  sound n r -> 0 <= n <= 10000000000000000 -> 1 <= den r <= 1000000000 -> 0 <= next r <= 20000000000000000 ->
  0 <= next (walk r) < 2 ^ 55 /\ fits64 (next r + whole r) /\ fits64 (next r + whole r + 1) /\ fits64 (over (walk r)) /\
  over r - part r + den r < 2 ^ 63 /\ - 2 ^ 63 <= over r - part r.
Proof.
  intros n r S N D T. pose proof (part_bounds n r S) as (Q & E).
    pose proof (walk_keeps_the_invariant n r S) as (_ & O & _).
  destruct S as (P & O' & W & V). assert (W1 : 0 <= whole r <= 10000000000000000).
  { rewrite W. split; [apply Z.div_pos; lia|]. apply Z.div_le_upper_bound; nia. }
  assert (X : den (walk r) = den r) by (unfold walk; destruct (over r - part r <? 0); reflexivity). rewrite X in O.
  assert (Y : next (walk r) = next r + whole r \/ next (walk r) = next r + whole r + 1)
    by (unfold walk; destruct (over r - part r <? 0); cbn [next]; [right|left]; reflexivity).
  change (2 ^ 63) with 9223372036854775808. rows. repeat split; lia.
Qed.

(* Ramp::rest_fine: the product is no more than a step and a rate. *)
Theorem rest_fits : forall step r now,
  step_fine_range step -> sound step r -> den r <= snd RATE_UU_PER_H -> 0 <= rest_of step now r < step -> now < next r
    ->
  fits64 ((next r - now) * den r) /\ (next r - now) * den r <= step + over r /\ fits64 (step + over r).
Proof.
  intros step r now S (P & O & _) D R L. unfold step_fine_range, rest_of in *. rows.
  assert (0 <= (next r - now) * den r) by nia. repeat split; lia.
Qed.

(* Ramp::train, Train::due_at and count_at. *)
Theorem train_fits : forall start d n k t,
  within TIME_US start -> within DURATION_US d -> 1 <= n <= 10000000 -> 1 <= k <= n ->
  fits128 (k * d) /\ fits64 (cdiv (k * d) n) /\ 0 <= start + cdiv (k * d) n <= 20000000000000000 /\
  fits128 (Z.min (Z.max 0 (t - start)) d * n) /\ fits64 (start + d / n + 1).
Proof.
  intros start d n k t S D N K. pose proof (train_steps_lie_within start d n ltac:(rows; lia) ltac:(lia) k K) as C.
    rows.
  assert (0 <= k * d <= 10000000 * 10000000000000000) by nia.
  assert (0 <= d / n <= d) by (split; [apply Z.div_pos; lia|apply Z.div_le_upper_bound; nia]).
  assert (0 <= Z.min (Z.max 0 (t - start)) d * n <= 10000000 * 10000000000000000) by nia. repeat split; lia.
Qed.

(* An amount in range has no more steps than that. *)
Theorem steps_of_an_amount : forall amount_uu step_uu,
  within AMOUNT_UU amount_uu -> within STEP_UU step_uu -> amount_uu / step_uu <= 10000000.
Proof. intros. rows. apply Z.div_le_upper_bound; nia. Qed.

Lemma rate_in_bounded : forall s before u c,
  Forall (fun x => 0 <= snd x <= c) s -> 0 <= before <= c -> 0 <= rate_in before s u <= c.
Proof.
  induction s as [|[a r] l IH]; intros b u c F B; cbn [rate_in]; [exact B|]. inversion F; subst; cbn [snd] in *.
  destruct (a <=? u); [apply IH|]; assumption.
Qed.

(* The closed form: what is earned by any time in range is at most 1e25, and its count fits 64 bits. *)
Theorem closed_form_fits : forall s from t step a,
  ordered a s -> Forall (fun x => within RATE_UU_PER_H (snd x)) s -> within TIME_US from -> within TIME_US t -> from
    <= t ->
  step_fine_range step ->
  0 <= earned (rate_at s) from t <= 10000000000000000000000000 /\ fits128 (earned (rate_at s) from t) /\
  fits128 (summed s from t) /\ fits128 (earned_at (programme s from) t) /\ fits64 (count (rate_at s) step from t).
Proof.
  intros s from t step a O R F T L S. unfold step_fine_range in S. rows.
  assert (N : rates_nonneg s) by (eapply Forall_impl; [|exact R]; cbn; intros; lia).
  assert (B : forall u, 0 <= rate_at s u <= 1000000000) by (intros u; apply rate_in_bounded; [exact R|lia]).
  assert (E : 0 <= earned (rate_at s) from t <= 1000000000 * (t - from)).
  { split; [apply earned_nonneg; intros; apply B|].
    unfold earned. rewrite <- (Z2Nat.id (t - from)) at 2 by lia. generalize (Z.to_nat (t - from)) as m.
    induction m as [|m IH]; cbn [sum]; [lia|]. specialize (B (from + Z.of_nat m)). lia. }
  rewrite (sum_over_segments_is_the_integral s from t a O L), (programme_earns_the_integral s from t a O N L).
  assert (0 <= count (rate_at s) step from t <= earned (rate_at s) from t / 360000000000).
  { unfold count. split; [apply Z.div_pos; lia|]. apply Z.div_le_compat_l; lia. }
  assert (earned (rate_at s) from t / 360000000000 <= 100000000000000) by (apply Z.div_le_upper_bound; lia).
    repeat split; lia.
Qed.

(* Strider and Dues: pace, begin, and every sum of a stretch fit 64 bits; the shift is at most 38. *)
Theorem stretch_fits : forall n r j,
  sound n r -> 1 <= n <= 10000000000000000 -> 1 <= den r <= 1000000000 ->
  let s := strider_of r in
  0 <= j <= s_most s ->
  0 <= s_shift s <= 38 /\ fits64 (den r * s_most s + den r - 1) /\
  fits64 (scaled (den r - 1 - over r) (s_shift s) (den r) + j * s_pace s) /\ fits64 (j * s_pace s) /\
  j * n + (den r - 1 - over r) < 2 ^ 58.
Proof.
  intros n r j S N D s J. pose proof (part_bounds n r S) as (Q & E). destruct S as (P & O & W & V).
  assert (W0 : 0 <= whole r) by (rewrite W; apply Z.div_pos; lia).
  assert (M : (s_most s = 256 /\ n < 70368744177664) \/ (s_most s = 64 /\ n < 1125899906842624) \/ s_most s = 16).
  { unfold s, strider_of, strider_with, most_of; cbn [s_most]. rewrite <- E. rewrite Z.shiftr_div_pow2 by lia.
    change (2 ^ 46) with 70368744177664. destruct (Z.eqb_spec (n / 70368744177664) 0) as [X|X].
    - left. split; [reflexivity|]. assert (n / 70368744177664 < 1) by lia. apply div_lt in H; lia.
    - right. destruct (Z.ltb_spec (n / 70368744177664) 16) as [Y|Y]; [left|right; reflexivity].
      split; [reflexivity|]. apply div_lt in Y; lia. }
  set (most := s_most s) in *. set (units := den r * most + den r - 1).
  assert (SH : s_shift s = bits units) by reflexivity. set (sh := s_shift s) in *.
  assert (U : 0 < units) by (unfold units; destruct M as [(-> & _)|[(-> & _)| ->]]; lia).
  assert (UU : units < 257000000000) by (unfold units; destruct M as [(-> & _)|[(-> & _)| ->]]; lia).
  pose proof (bits_covers units U) as B. rewrite <- SH in B. pose proof (bits_nonneg units) as Z0. rewrite <- SH in Z0.
  assert (S38 : sh <= 38).
  { destruct (Z.le_gt_cases sh 38) as [L|G]; [exact L|]. assert (2 ^ 39 <= 2 ^ sh) by (apply Z.pow_le_mono_r; lia).
    change (2 ^ 39) with 549755813888 in H. lia. }
  set (p := 2 ^ sh) in *. assert (PP : 0 < p) by (apply Z.pow_pos_nonneg; lia).
  assert (PACE : den r * (s_pace s - 1) < n * p /\ 0 <= s_pace s).
  { unfold s, strider_of, strider_with; cbn [s_pace]. change (bits (den r * most_of _ + den r - 1)) with sh.
    rewrite scaled_is_cdiv, Z.shiftl_mul_pow2 by lia. fold p. pose proof (cdiv_spec (part r * p) (den r) P).
    assert (0 <= part r * p) by nia. assert (0 <= cdiv (part r * p) (den r)) by nia. split; nia. }
  assert (SUM : den r * (scaled (den r - 1 - over r) sh (den r) - 1) < (den r - 1 - over r) * p /\
                0 <= scaled (den r - 1 - over r) sh (den r)).
  { rewrite scaled_is_cdiv by lia. fold p. pose proof (cdiv_spec ((den r - 1 - over r) * p) (den r) P).
    assert (0 <= (den r - 1 - over r) * p) by nia. split; nia. }
  set (a := s_pace s) in *. set (b := scaled (den r - 1 - over r) sh (den r)) in *.
  assert (M0 : 0 <= most) by (destruct M as [(-> & _)|[(-> & _)| ->]]; lia).
  assert (NP : 0 <= n * p) by (apply Z.mul_nonneg_nonneg; lia).
  assert (T1 : den r * (j * a) <= j * (n * p) + j * den r).
  { replace (den r * (j * a)) with (j * (den r * a)) by lia. replace (j * (n * p) + j * den r) with (j * (n * p + den
    r)) by lia.
    apply Z.mul_le_mono_nonneg_l; lia. }
  assert (T2 : j * (n * p) <= most * (n * p)) by (apply Z.mul_le_mono_nonneg_r; lia).
  assert (T3 : j * den r <= most * den r) by (apply Z.mul_le_mono_nonneg_r; lia).
  assert (T4 : (den r - 1 - over r) * p <= den r * p) by (apply Z.mul_le_mono_nonneg_r; lia).
  assert (T : den r * (b + j * a) < (most * n + den r) * p + (most + 1) * den r) by lia.
  assert (V1 : 0 <= most * n) by (apply Z.mul_nonneg_nonneg; lia).
  assert (V2 : p <= 2 * (most + 1) * den r) by (unfold units in B; lia).
  assert (V3 : (most * n + den r) * p <= (most * n + den r) * (2 * (most + 1) * den r)) by (apply
    Z.mul_le_mono_nonneg_l; lia).
  assert (V4 : b + j * a < (most * n + den r) * (2 * (most + 1)) + (most + 1)) by (apply (Zmult_lt_reg_r _ _ (den r));
    lia).
  assert (V5 : 0 <= j * a) by (apply Z.mul_nonneg_nonneg; lia).
  assert (V6 : j * n <= most * n) by (apply Z.mul_le_mono_nonneg_r; lia).
  assert (V7 : 0 <= j * n) by (apply Z.mul_nonneg_nonneg; lia).
  unfold fits64. change (2 ^ 64) with 18446744073709551616. change (2 ^ 58) with 288230376151711744.
  assert (V8 : 0 <= b) by (apply SUM).
  unfold units in *. clearbody most a b p sh. clear T T1 T2 T3 T4 V3 PACE SUM NP B.
  destruct M as [(Mo & Nn)|[(Mo & Nn)|Mo]]; rewrite Mo in *; repeat split; lia.
Qed.

(* Strider::take, where the stretch is cut short: time left, in den-ths of a microsecond. *)
Theorem cut_stretch_fits : forall n r ahead,
  sound n r -> 1 <= n <= 10000000000000000 -> 1 <= den r <= 1000000000 -> 0 <= ahead ->
  ahead < due_in (strider_of r) r (s_most (strider_of r) - 1) -> fits64 (ahead * den r + den r).
Proof.
  intros n r ahead S N D A H. assert (M : 1 <= s_most (strider_of r)).
  { unfold strider_of, strider_with, most_of; cbn [s_most].
    destruct (Z.shiftr (whole r * den r + part r) 46 =? 0), (Z.shiftr (whole r * den r + part r) 46 <? 16); lia. }
  pose proof (stretch_fits n r (s_most (strider_of r) - 1) S N D ltac:(lia)) as (_ & _ & _ & _ & B).
  set (most := most_of (whole r * den r + part r)) in *.
  change (strider_of r) with (strider_with most r) in *. change (s_most (strider_with most r)) with most in *.
  destruct (strider_is_fixed_point n r most (most - 1) S ltac:(lia) ltac:(lia) ltac:(lia)) as (_ & F). rewrite F in H.
  change (2 ^ 58) with 288230376151711744 in B.
  assert (L : ahead + 1 <= ((most - 1) * n + (den r - 1 - over r)) / den r) by lia. apply div_ge in L; [|lia].
  assert (0 <= ahead * den r) by (apply Z.mul_nonneg_nonneg; lia).
  unfold fits64. change (2 ^ 64) with 18446744073709551616. lia.
Qed.

(* Gap and grid: instants of pulses. *)
Theorem release_fits : forall due ready gap grid,
  0 <= due <= 20000000000000000 -> 0 <= ready <= 20000000000000000 + 100 * 3600000000 -> within GAP_US gap ->
  1 <= grid <= snd GRID_US -> fits64 (Z.max due ready + gap) /\ fits64 (grid_at grid due) /\ fits64 (grid_at grid due
    + grid).
Proof. intros due ready gap grid D R G H. rows. pose proof (grid_rounds_up grid due ltac:(lia)). repeat split; lia. Qed.
