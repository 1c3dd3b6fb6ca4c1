(* A stretch of one ramp in fixed point (kernel-rs/core/src/dues.rs): each due time by one addition and one shift, and
   the walk taken up again behind it. Exact, not close. *)

From Coq Require Import ZArith Lia List.
From Pump Require Import Law Ramp.
Import ListNotations.
Open Scope Z_scope.

(* How many binary digits a number has: 64 - leading_zeros. *)
Definition bits (x : Z) : Z := if x =? 0 then 0 else Z.log2 x + 1.

(* scaled: value 2^shift / den, rounded up *)
Definition scaled (value shift den : Z) : Z := if value =? 0 then 0 else (Z.shiftl value shift - 1) / den + 1.

Record strider := Strider { s_num : Z; s_den : Z; s_most : Z; s_pace : Z; s_shift : Z }.

Definition most_of (num : Z) : Z :=
  let top := Z.shiftr num 46 in if top =? 0 then 256 else if top <? 16 then 64 else 16.

(* Strider::new, for a stretch of at most `most` steps *)
Definition strider_with (most : Z) (r : ramp) : strider :=
  let num := whole r * den r + part r in
  let shift := bits (den r * most + den r - 1) in
  Strider num (den r) most (Z.shiftl (whole r) shift + scaled (part r) shift (den r)) shift.

Definition strider_of (r : ramp) : strider := strider_with (most_of (whole r * den r + part r)) r.

(* Dues::write, step j of the stretch, from its first *)
Definition due_in (s : strider) (r : ramp) (j : Z) : Z :=
  Z.shiftr (scaled (s_den s - 1 - over r) (s_shift s) (s_den s) + j * s_pace s) (s_shift s).

(* Strider::take: the due times of a stretch and the ramp behind it, None where no step is due by `until`. *)
Definition stride (s : strider) (r : ramp) (until : Z) : option (list Z * ramp) :=
  let ahead := until - next r in
  if ahead <? 0 then None
  else
    let rest := s_den s - 1 - over r in
    let count :=
      if due_in s r (s_most s - 1) <=? ahead then s_most s
      else (ahead * s_den s + s_den s - 1 - rest) / s_num s + 1 in
    let span := due_in s r count in
    let rest_on := count * s_num s + rest - span * s_den s in
    Some (map (fun j => next r + due_in s r (Z.of_nat j)) (seq 0 (Z.to_nat count)),
          Ramp (next r + span) (s_den s - 1 - rest_on) (whole r) (part r) (den r)).

Lemma scaled_is_cdiv : forall v s d, 0 <= v -> 0 <= s -> 0 < d -> scaled v s d = cdiv (v * 2 ^ s) d.
Proof.
  intros v s d V S D. unfold scaled. destruct (Z.eqb_spec v 0) as [->|N].
  - symmetry. apply cdiv_unique; lia.
  - rewrite Z.shiftl_mul_pow2 by lia. symmetry. apply cdiv_unique; [exact D|].
    assert (0 < v * 2 ^ s) by (apply Z.mul_pos_pos; [lia|apply Z.pow_pos_nonneg; lia]).
    pose proof (Z.div_mod (v * 2 ^ s - 1) d ltac:(lia)). pose proof (Z.mod_pos_bound (v * 2 ^ s - 1) d D). nia.
Qed.

Lemma bits_covers : forall x, 0 < x -> x < 2 ^ bits x <= 2 * x.
Proof.
  intros x X. unfold bits. destruct (Z.eqb_spec x 0); [lia|]. pose proof (Z.log2_spec x X) as L.
  pose proof (Z.log2_nonneg x). replace (Z.log2 x + 1) with (Z.succ (Z.log2 x)) by lia.
  rewrite Z.pow_succ_r by lia. rewrite Z.pow_succ_r in L by lia. lia.
Qed.

Lemma bits_nonneg : forall x, 0 <= bits x.
Proof. intros x. unfold bits. destruct (x =? 0); [lia|]. pose proof (Z.log2_nonneg x). lia. Qed.

(* The heart of it, for any numbers at all: rounding the pace up by less than one unit, `most` times, never reaches the
   next whole microsecond if 2^shift is at least (most + 1) den. *)
Theorem fixed_point_is_exact : forall num den rest shift most k,
  0 < den -> 0 <= rest < den -> 0 <= num -> 0 <= shift -> (most + 1) * den <= 2 ^ shift -> 0 <= k <= most ->
  Z.shiftr (cdiv (rest * 2 ^ shift) den + k * cdiv (num * 2 ^ shift) den) shift = (k * num + rest) / den.
Proof.
  intros num den rest shift most k D R N S M K. rewrite Z.shiftr_div_pow2 by lia.
  set (p := 2 ^ shift) in *. assert (P : 0 < p) by (apply Z.pow_pos_nonneg; lia).
  pose proof (cdiv_spec (rest * p) den D) as A. pose proof (cdiv_spec (num * p) den D) as B.
  set (b := cdiv (rest * p) den) in *. set (a := cdiv (num * p) den) in *.
  pose proof (Z.div_mod (k * num + rest) den ltac:(lia)) as E. pose proof (Z.mod_pos_bound (k * num + rest) den D) as F.
  set (q := (k * num + rest) / den) in *. set (m := (k * num + rest) mod den) in *.
  apply div_is; [exact P|].
  assert (L : p * (k * num + rest) <= den * (b + k * a)) by nia.
  assert (U : den * (b + k * a) <= p * (k * num + rest) + (k + 1) * (den - 1)) by nia.
  assert (V : (k + 1) * (den - 1) < p) by nia.
  rewrite E in L, U. assert (X : p * m <= p * (den - 1)) by (apply Z.mul_le_mono_nonneg_l; lia).
  split.
  - apply (Zmult_le_reg_r _ _ den); [lia|]. assert (0 <= p * m) by (apply Z.mul_nonneg_nonneg; lia). nia.
  - apply (Zmult_lt_reg_r _ _ den); [lia|]. nia.
Qed.

(* What the kernel computes of a ramp is of that form. *)
Lemma strider_is_fixed_point : forall n r most j,
  sound n r -> 0 <= n -> 0 <= most -> 0 <= j <= most ->
  let s := strider_with most r in
  s_num s = n /\ due_in s r j = (j * n + (den r - 1 - over r)) / den r.
Proof.
  intros n r most j S N M J s. pose proof (part_bounds n r S) as (Q & E). destruct S as (P & O & W & V).
  assert (X : s_num s = n) by (cbn; lia). split; [exact X|].
  assert (U : 0 < den r * most + den r - 1 \/ (most = 0 /\ den r = 1)) by nia.
  set (sh := bits (den r * most + den r - 1)).
  assert (T : 0 <= sh) by apply bits_nonneg.
  assert (C : (most + 1) * den r <= 2 ^ sh).
  { destruct U as [U|(-> & ->)]; [|cbn; lia]. pose proof (bits_covers _ U). fold sh in H. lia. }
  assert (W0 : 0 <= whole r) by (rewrite W; apply Z.div_pos; lia).
  assert (Y : s_pace s = cdiv (n * 2 ^ sh) (den r)).
  { cbn. fold sh. rewrite scaled_is_cdiv by lia. rewrite Z.shiftl_mul_pow2 by lia.
    symmetry. apply cdiv_unique; [exact P|]. pose proof (cdiv_spec (part r * 2 ^ sh) (den r) P). nia. }
  unfold due_in. rewrite Y. change (s_den s) with (den r). change (s_shift s) with sh.
  rewrite scaled_is_cdiv by lia. apply fixed_point_is_exact with (most := most); lia.
Qed.

(* Every sound ramp is before step 1 of a stream that begins with it. *)
Lemma sound_stands : forall n r, sound n r -> stands (next r) n (den r) (n + over r) 1 r.
Proof.
  intros n r (P & O & W & Q). unfold stands. assert (E : cdiv (1 * n - (n + over r)) (den r) = 0) by (apply
    cdiv_unique; nia).
  rewrite E. repeat split; lia.
Qed.

Lemma stands_one : forall b n d rest k r q, stands b n d rest k r -> stands b n d rest k q -> r = q.
Proof.
  intros b n d rest k [x o w p e] [x' o' w' p' e'] (_ & A & B & C & D & E) (_ & A' & B' & C' & D' & E').
  cbn [next over whole part den] in *. subst. reflexivity.
Qed.

Lemma walked : forall n r j, sound n r ->
  next (Nat.iter j walk r) = next r + (Z.of_nat j * n + (den r - 1 - over r)) / den r.
Proof.
  intros n r j S. pose proof (any_number_of_walks j _ _ _ _ _ _ (sound_stands n r S)) as (P & _ & _ & _ & N & _).
  rewrite N. f_equal. pose proof (Z.div_mod (Z.of_nat j * n + (den r - 1 - over r)) (den r) ltac:(lia)).
  pose proof (Z.mod_pos_bound (Z.of_nat j * n + (den r - 1 - over r)) (den r) P).
  apply cdiv_unique; [exact P|]. nia.
Qed.

(* A whole stretch at once takes the very steps, and ends on the very ramp, of as many single walks;
  it takes no step that
   is not due by `until`, and stops early only where the stretch is full. *)
Theorem a_stretch_is_a_walk : forall n r most until l r',
  sound n r -> 1 <= n -> 1 <= most -> stride (strider_with most r) r until = Some (l, r') ->
  exists count, (1 <= count)%nat /\ Z.of_nat count <= most /\
    l = map (fun j => next (Nat.iter j walk r)) (seq 0 count) /\ r' = Nat.iter count walk r /\
    (forall j, (j < count)%nat -> next (Nat.iter j walk r) <= until) /\ (Z.of_nat count = most \/ until < next r').
Proof.
  intros n r most until l r' S N M H. pose proof (part_bounds n r S) as (Q & E).
  assert (P : 0 < den r) by (destruct S; assumption). assert (O : 0 <= over r < den r) by (destruct S as (_ & O & _);
    exact O).
  assert (F : forall j, 0 <= j <= most -> due_in (strider_with most r) r j = (j * n + (den r - 1 - over r)) / den r)
    by (intros; apply strider_is_fixed_point; lia || assumption).
  assert (X : s_num (strider_with most r) = n) by (cbn; lia).
  unfold stride in H. destruct (Z.ltb_spec (until - next r) 0) as [A|A]; [discriminate|].
  rewrite X in H. change (s_den (strider_with most r)) with (den r) in H.
    change (s_most (strider_with most r)) with most in H.
  set (ahead := until - next r) in *. set (rest := den r - 1 - over r) in *.
  set (count := if due_in (strider_with most r) r (most - 1) <=? ahead then most
                else (ahead * den r + den r - 1 - rest) / n + 1) in H.
  assert (due_iff : forall j, 0 <= j -> ((j * n + rest) / den r <= ahead <-> j * n <= ahead * den r + den r - 1 -
    rest)).
  { intros j J. split; intros G.
    - assert ((j * n + rest) / den r < ahead + 1) by lia. apply div_lt in H0; [lia|exact P].
    - assert ((j * n + rest) / den r < ahead + 1); [apply div_lt; [exact P|lia]|lia]. }
  assert (C : 1 <= count <= most /\ (forall j, 0 <= j < count -> (j * n + rest) / den r <= ahead) /\
              (count = most \/ ahead < (count * n + rest) / den r)).
  { unfold count. destruct (Z.leb_spec (due_in (strider_with most r) r (most - 1)) ahead) as [G|G];
    rewrite F in G by lia.
    - split; [lia|]. split; [|left; reflexivity]. intros j J. apply due_iff; [lia|].
      apply due_iff in G; [|lia]. assert (j * n <= (most - 1) * n) by (apply Z.mul_le_mono_nonneg_r; lia). lia.
    - set (q := (ahead * den r + den r - 1 - rest) / n).
      assert (Y : forall j, 0 <= j -> (j <= q <-> (j * n + rest) / den r <= ahead)).
      { intros j J. rewrite due_iff by exact J. unfold q. rewrite div_ge by lia. rewrite Z.mul_comm. reflexivity. }
      assert (Q0 : 0 <= q) by (apply Z.div_pos; unfold rest; nia).
      assert (Q1 : q < most - 1). { destruct (Z.lt_ge_cases q (most - 1)) as [B|B]; [exact B|]. apply Y in B; lia. }
      split; [lia|]. split; [intros j J; apply Y; lia|].
      right. destruct (Z.le_gt_cases ((q + 1) * n + rest) (ahead * den r + den r - 1)) as [B|B].
      + assert (B' : q + 1 <= q) by (apply Y; [lia|]; apply due_iff; lia). lia.
      + destruct (Z.lt_ge_cases ahead (((q + 1) * n + rest) / den r)) as [B2|B2]; [exact B2|].
        apply due_iff in B2; lia. }
  destruct C as (C1 & C2 & C3). clearbody count. exists (Z.to_nat count).
  rewrite F in H by lia. inversion H; subst l r'; clear H.
  assert (R : Ramp (next r + (count * n + rest) / den r)
                (den r - 1 - (count * n + rest - (count * n + rest) / den r * den r)) (whole r) (part r) (den r)
              = Nat.iter (Z.to_nat count) walk r).
  { pose proof (any_number_of_walks (Z.to_nat count) _ _ _ _ _ _ (sound_stands n r S)) as T.
    refine (stands_one _ _ _ _ _ _ _ _ T). rewrite Z2Nat.id by lia. destruct S as (_ & _ & W & V). unfold stands.
    cbn [next over whole part den]. assert (Y : cdiv ((1 + count) * n - (n + over r)) (den r) = (count * n + rest) /
      den r).
    { pose proof (Z.div_mod (count * n + rest) (den r) ltac:(lia)).
      pose proof (Z.mod_pos_bound (count * n + rest) (den r) P).
      apply cdiv_unique; [exact P|]. unfold rest in *. nia. }
    rewrite Y. repeat split; try assumption. unfold rest. nia. }
  split; [lia|]. split; [lia|]. split; [|split; [exact R|split]].
  - apply map_ext_in. intros j J. apply in_seq in J. rewrite F by lia. rewrite (walked n r j S). reflexivity.
  - intros j J. rewrite (walked n r j S). fold rest. specialize (C2 (Z.of_nat j) ltac:(lia)). lia.
  - rewrite Z2Nat.id by lia. destruct C3 as [C3|C3]; [left; exact C3|right]. cbn [next]. lia.
Qed.
