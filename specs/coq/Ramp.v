(* The walking form, as kernel-rs/core/src/ramp.rs computes it: from one step of a steady stream to the next with one
   addition, one comparison and one conditional addition; no division.

   A stream begins at `begin` with `rest` of its first step paid for, and comes to one step each num / den microseconds:
   step k is due at begin + cdiv (k num - rest) den. Basal has num = step in fine units and den = rate; a train has
   num = duration, den = steps and rest = 0. *)

From Coq Require Import ZArith Lia List.
From Pump Require Import Law.
Import ListNotations.
Open Scope Z_scope.

Record ramp := Ramp { next : Z; over : Z; whole : Z; part : Z; den : Z }.

(* Ramp::basal *)
Definition basal (now step rate rest : Z) : ramp :=
  let to_go := step - rest in
  let span := cdiv to_go rate in
  Ramp (now + span) (span * rate - to_go) (step / rate) (step mod rate) rate.

(* Ramp::train: before step k of n steps over d. For k = 1 the kernel has a way with one division. *)
Definition train (start d n k : Z) : ramp :=
  if k =? 1
  then Ramp (start + d / n + (if 0 <? d mod n then 1 else 0)) (if 0 <? d mod n then n - d mod n else 0) (d / n) (d mod
    n) n
  else Ramp (start + cdiv (k * d) n) (if 0 <? (k * d) mod n then n - (k * d) mod n else 0) (d / n) (d mod n) n.

(* Ramp::step *)
Definition walk (r : ramp) : ramp :=
  let short := over r - part r in
  if short <? 0
  then Ramp (next r + whole r + 1) (short + den r) (whole r) (part r) (den r)
  else Ramp (next r + whole r) short (whole r) (part r) (den r).

(* Ramp::step_if on machine words: `all` is all ones or zero, every operation is modulo 2^64. *)
Definition w64 (x : Z) : Z := x mod 2 ^ 64.
Definition walk_if_64 (all : Z) (r : ramp) : ramp :=
  let short := w64 (over r - Z.land (part r) all) in
  let late := Z.shiftr short 63 in
  Ramp (w64 (w64 (next r + Z.land (whole r) all) + late)) (w64 (short + Z.land (den r) (w64 (0 - late))))
       (whole r) (part r) (den r).

(* Ramp::last_us *)
Definition last (r : ramp) : Z := next r - whole r - (if den r <=? over r + part r then 1 else 0).

(* Ramp::rest_fine *)
Definition rest_of (step now : Z) (r : ramp) : Z := step + over r - (next r - now) * den r.

(* What a ramp says of its stream when it stands before step k: all of it, exactly. *)
Definition stands (begin num den_ rest k : Z) (r : ramp) : Prop :=
  0 < den_ /\ den r = den_ /\ whole r = num / den_ /\ part r = num mod den_ /\
  next r = begin + cdiv (k * num - rest) den_ /\ over r = den_ * cdiv (k * num - rest) den_ - (k * num - rest).

(* The invariant that the source states. *)
Definition sound (num : Z) (r : ramp) : Prop :=
  0 < den r /\ 0 <= over r < den r /\ whole r = num / den r /\ part r = num mod den r.

Lemma stands_sound : forall b n d rest k r, stands b n d rest k r -> sound n r.
Proof.
  intros b n d rest k r (P & D & W & Q & N & O). unfold sound. rewrite D, W, Q, O.
  pose proof (cdiv_spec (k * n - rest) d P). repeat split; lia.
Qed.

Lemma part_bounds : forall n r, sound n r -> 0 <= part r < den r /\ n = whole r * den r + part r.
Proof.
  intros n r (P & O & W & Q). rewrite W, Q. pose proof (Z.mod_pos_bound n (den r) P).
  pose proof (Z.div_mod n (den r) ltac:(lia)). lia.
Qed.

(* A basal stream begins before its first step. *)
Theorem basal_stands : forall now step rate rest, 0 < rate -> stands now step rate rest 1 (basal now step rate rest).
Proof. intros. unfold stands, basal; cbn [next over whole part den].
  replace (1 * step - rest) with (step - rest) by lia. repeat split; lia. Qed.

Lemma cdiv_div_mod : forall a b, 0 < b -> cdiv a b = a / b + (if 0 <? a mod b then 1 else 0).
Proof.
  intros a b H. apply cdiv_unique; [exact H|]. pose proof (Z.div_mod a b ltac:(lia)).
  pose proof (Z.mod_pos_bound a b H). destruct (Z.ltb_spec 0 (a mod b)); nia.
Qed.

(* A train's stream begins before any step of it, both ways in which the kernel computes it. *)
Theorem train_stands : forall start d n k, 0 < n -> stands start d n 0 k (train start d n k).
Proof.
  intros start d n k H. unfold stands, train. pose proof (cdiv_div_mod d n H). pose proof (cdiv_div_mod (k * d) n H).
  pose proof (Z.div_mod d n ltac:(lia)). pose proof (Z.mod_pos_bound d n H).
  pose proof (Z.div_mod (k * d) n ltac:(lia)). pose proof (Z.mod_pos_bound (k * d) n H).
  destruct (Z.eqb_spec k 1) as [->|N]; cbn [next over whole part den]; rewrite ?Z.mul_1_l, Z.sub_0_r in *;
    repeat split; try lia.
  - destruct (Z.ltb_spec 0 (d mod n)); nia.
  - destruct (Z.ltb_spec 0 ((k * d) mod n)); nia.
Qed.

(* The walk refines the closed form: one walk leads from before step k to before step k + 1. *)
Theorem walk_refines_the_closed_form : forall b n d rest k r,
  stands b n d rest k r -> stands b n d rest (k + 1) (walk r).
Proof.
  intros b n d rest k r S. pose proof (stands_sound _ _ _ _ _ _ S) as (_ & O & _).
  pose proof (part_bounds n r (stands_sound _ _ _ _ _ _ S)) as (Q & E).
  destruct S as (P & D & W & Q' & N & V). unfold stands, walk.
  pose proof (cdiv_spec (k * n - rest) d P) as C.
  assert (X : cdiv ((k + 1) * n - rest) d = cdiv (k * n - rest) d + whole r + (if over r - part r <? 0 then 1 else 0)).
  { apply cdiv_unique; [exact P|]. rewrite D in *.
    destruct (Z.ltb_spec (over r - part r) 0); nia. }
  rewrite X. destruct (Z.ltb_spec (over r - part r) 0); cbn [next over whole part den]; rewrite D in *; repeat split;
    try assumption; nia.
Qed.

(* So after any number of walks: no error gathers. *)
Theorem any_number_of_walks : forall m b n d rest k r,
  stands b n d rest k r -> stands b n d rest (k + Z.of_nat m) (Nat.iter m walk r).
Proof.
  induction m as [|m IH]; intros b n d rest k r H.
  - rewrite Z.add_0_r. exact H.
  - cbn [Nat.iter nat_rect]. replace (k + Z.of_nat (S m)) with (k + Z.of_nat m + 1) by lia.
    apply walk_refines_the_closed_form, IH, H.
Qed.

Theorem walk_keeps_the_invariant : forall n r, sound n r -> sound n (walk r).
Proof.
  intros n r S. pose proof (part_bounds n r S) as (Q & _). destruct S as (P & O & W & V). unfold sound, walk.
  destruct (Z.ltb_spec (over r - part r) 0); cbn [next over whole part den]; repeat split; try assumption; lia.
Qed.

(* What stands in machine words does the same: masks instead of branches, and all sums modulo 2^64. *)
Theorem walk_on_words : forall n r,
  sound n r -> den r <= 2 ^ 63 -> 0 <= n -> 0 <= next r -> next r + whole r + 1 < 2 ^ 64 ->
  walk_if_64 (2 ^ 64 - 1) r = walk r.
Proof.
  intros n r S D N X Y. pose proof (part_bounds n r S) as (Q & E). destruct S as (P & O & W & V).
  assert (W0 : 0 <= whole r) by (rewrite W; apply Z.div_pos; lia).
  assert (L : forall x, 0 <= x < 2 ^ 64 -> Z.land x (2 ^ 64 - 1) = x).
  { intros x Hx. replace (2 ^ 64 - 1) with (Z.ones 64) by reflexivity. rewrite Z.land_ones by lia. apply Z.mod_small,
    Hx. }
  unfold walk_if_64, walk. rewrite !L by lia.
  destruct (Z.ltb_spec (over r - part r) 0) as [H|H].
  - assert (E1 : w64 (over r - part r) = over r - part r + 2 ^ 64).
    { unfold w64. symmetry. apply Z.mod_unique with (q := -1); lia. }
    rewrite E1. assert (E2 : Z.shiftr (over r - part r + 2 ^ 64) 63 = 1).
    { rewrite Z.shiftr_div_pow2 by lia. apply div_is; lia. }
    rewrite E2. replace (w64 (0 - 1)) with (2 ^ 64 - 1) by reflexivity. rewrite L by lia.
    f_equal; unfold w64.
    + rewrite Zplus_mod_idemp_l. apply Z.mod_small. lia.
    + symmetry. apply Z.mod_unique with (q := 1); lia.
  - assert (E1 : w64 (over r - part r) = over r - part r) by (apply Z.mod_small; lia).
    rewrite E1. assert (E2 : Z.shiftr (over r - part r) 63 = 0).
    { rewrite Z.shiftr_div_pow2 by lia. apply div_is; lia. }
    rewrite E2. replace (w64 (0 - 0)) with 0 by reflexivity. rewrite Z.land_0_r.
    f_equal; unfold w64; rewrite ?Zplus_mod_idemp_l, ?Z.add_0_r; apply Z.mod_small; lia.
Qed.

(* With the mask zero nothing moves. *)
Theorem no_walk_on_words : forall n r,
  sound n r -> den r <= 2 ^ 63 -> 0 <= next r < 2 ^ 64 -> walk_if_64 0 r = r.
Proof.
  intros n r (P & O & _) D X. destruct r as [x o w p d]; cbn [next over whole part den] in *.
  unfold walk_if_64; cbn [next over whole part den].
  rewrite !Z.land_0_r. assert (E1 : w64 (o - 0) = o) by (unfold w64; rewrite Z.sub_0_r; apply Z.mod_small; lia).
  rewrite E1. assert (E2 : Z.shiftr o 63 = 0) by (rewrite Z.shiftr_div_pow2 by lia; apply div_is; lia).
  rewrite E2. replace (w64 (0 - 0)) with 0 by reflexivity. rewrite Z.land_0_r.
  f_equal; unfold w64; rewrite ?Zplus_mod_idemp_l, ?Z.add_0_r; apply Z.mod_small; lia.
Qed.

(* A ramp that has walked knows when the step before was due. *)
Theorem last_is_the_step_before : forall n r, sound n r -> last (walk r) = next r.
Proof.
  intros n r S. pose proof (part_bounds n r S) as (Q & _). destruct S as (P & O & _). unfold last, walk.
  destruct (Z.ltb_spec (over r - part r) 0); cbn [next over whole part den].
  - destruct (Z.leb_spec (den r) (over r - part r + den r + part r)); lia.
  - destruct (Z.leb_spec (den r) (over r - part r + part r)); lia.
Qed.

(* What a ramp says of the rest is what is earned and not yet due: with `k - 1` steps taken, exactly that. *)
Theorem rest_is_what_is_left_over : forall b n d rest k r t,
  stands b n d rest k r -> rest_of n t r = rest + d * (t - b) - (k - 1) * n.
Proof. intros b n d rest k r t (P & D & W & Q & N & O). unfold rest_of. rewrite D, N, O. lia. Qed.

(* DEL-02: the same rate issued again, at any instant and any number of times, gives the very same ramp. *)
Theorem same_rate_again_changes_nothing : forall step r now,
  sound step r -> basal now step (den r) (rest_of step now r) = r.
Proof.
  intros step r now (P & O & W & Q). unfold basal, rest_of.
  assert (E : cdiv (step - (step + over r - (next r - now) * den r)) (den r) = next r - now).
  { apply cdiv_unique; [exact P|]. nia. }
  rewrite E, <- W, <- Q. destruct r as [x o w p d]; cbn [next over whole part den] in *. f_equal; lia.
Qed.

(* Takes steps until none is due by `until`. Without enough fuel no answer, never a wrong one. *)
Fixpoint run (fuel : nat) (r : ramp) (until : Z) : option (list Z * ramp) :=
  match fuel with
  | O => None
  | S fuel =>
      if next r <=? until
      then match run fuel (walk r) until with
           | Some (l, r') => Some (next r :: l, r')
           | None => None
           end
      else Some ([], r)
  end.

Lemma rest_of_walk : forall step now r, sound step r -> rest_of step now (walk r) = rest_of step now r - step.
Proof.
  intros step now r S. pose proof (part_bounds step r S) as (Q & E). unfold rest_of, walk.
  destruct (Z.ltb_spec (over r - part r) 0); cbn [next over whole part den]; nia.
Qed.

Lemma rest_of_later : forall step a b r, rest_of step b r = rest_of step a r + (b - a) * den r.
Proof. intros. unfold rest_of. nia. Qed.

Lemma next_in_closed_form : forall step now r,
  sound step r -> next r = now + cdiv (step - rest_of step now r) (den r).
Proof.
  intros step now r (P & O & _). unfold rest_of.
  assert (E : cdiv (step - (step + over r - (next r - now) * den r)) (den r) = next r - now)
    by (apply cdiv_unique; [exact P|nia]).
  rewrite E. lia.
Qed.

(* What a run gives: as many steps as are paid for, each when it is due, and the rest of the division. *)
Lemma run_takes : forall fuel step r now until l r',
  1 <= step -> sound step r -> 0 <= rest_of step until r -> run fuel r until = Some (l, r') ->
  sound step r' /\ den r' = den r /\ 0 <= rest_of step until r' < step /\
  rest_of step until r = step * Z.of_nat (length l) + rest_of step until r' /\
  forall j, (j < length l)%nat ->
    nth j l 0 = now + cdiv ((Z.of_nat j + 1) * step - rest_of step now r) (den r) /\ nth j l 0 <= until.
Proof.
  induction fuel as [|fuel IH]; intros step r now until l r' T S R H; cbn [run] in H; [discriminate|].
  destruct (Z.leb_spec (next r) until) as [L|G].
  - destruct (run fuel (walk r) until) as [[l1 r1]|] eqn:F; [|discriminate]. inversion H; subst; clear H.
    assert (R1 : 0 <= rest_of step until (walk r)).
    { rewrite rest_of_walk by exact S. destruct S as (P & O & _). unfold rest_of. nia. }
    assert (W : den (walk r) = den r) by (unfold walk; destruct (over r - part r <? 0); reflexivity).
    destruct (IH step (walk r) now until l1 r' T (walk_keeps_the_invariant _ _ S) R1 F) as (A & B & C & D & E).
    rewrite rest_of_walk in D, E by exact S. rewrite W in *.
    split; [exact A|]. split; [lia|]. split; [exact C|]. split; [cbn [length]; lia|].
    intros [|j] J; cbn [nth].
    + split; [|exact L]. rewrite (next_in_closed_form step now r S) at 1. f_equal. f_equal. lia.
    + cbn [length] in J. destruct (E j ltac:(lia)) as (E1 & E2). split; [|exact E2]. rewrite E1. f_equal. f_equal. lia.
  - inversion H; subst; clear H. split; [exact S|]. split; [reflexivity|].
    split; [|split; [cbn; lia|intros j J; cbn in J; lia]].
    split; [exact R|]. destruct S as (P & O & _). unfold rest_of. nia.
Qed.

(* Enough fuel always gives an answer: every walk ends. *)
Lemma run_ends : forall fuel step r until,
  1 <= step -> sound step r -> rest_of step until r < step * Z.of_nat fuel -> run (S fuel) r until <> None.
Proof.
  induction fuel as [|fuel IH]; intros step r until T K F.
  - cbn [run]. destruct (Z.leb_spec (next r) until) as [L|G]; [|discriminate].
    destruct K as (P & O & _). unfold rest_of in F. nia.
  - change (run (S (S fuel)) r until) with
      (if next r <=? until
       then match run (S fuel) (walk r) until with Some (l, r') => Some (next r :: l, r') | None => None end
       else Some ([], r)).
    destruct (Z.leb_spec (next r) until) as [L|G]; [|discriminate].
    specialize (IH step (walk r) until T (walk_keeps_the_invariant _ _ K)).
    rewrite rest_of_walk in IH by exact K. specialize (IH ltac:(lia)).
    destruct (run (S fuel) (walk r) until) as [[l r']|]; [discriminate|congruence].
Qed.

(* Advancing to a and then to b takes the same steps, and ends on the same ramp, as advancing to b. *)
Theorem advance_twice_is_advance_once : forall f g r a b l1 r1 l2 r2,
  a <= b -> run f r a = Some (l1, r1) -> run g r1 b = Some (l2, r2) -> run (f + g) r b = Some (l1 ++ l2, r2).
Proof.
  assert (more : forall f g r b l r', run f r b = Some (l, r') -> run (f + g) r b = Some (l, r')).
  { induction f as [|f IH]; intros g r b l r' H; cbn [run Nat.add] in *; [discriminate|].
    destruct (next r <=? b); [|exact H].
    destruct (run f (walk r) b) as [[l1 r1]|] eqn:E; [|discriminate]. rewrite (IH g _ _ _ _ E). exact H. }
  induction f as [|f IH]; intros g r a b l1 r1 l2 r2 L H1 H2; cbn [run] in H1; [discriminate|].
  destruct (Z.leb_spec (next r) a) as [X|X].
  - destruct (run f (walk r) a) as [[l r']|] eqn:E; [|discriminate]. inversion H1; subst; clear H1.
    cbn [run Nat.add]. destruct (Z.leb_spec (next r) b) as [Y|Y]; [|lia].
    rewrite (IH g _ _ _ _ _ _ _ L E H2). reflexivity.
  - inversion H1; subst; clear H1. cbn [app]. rewrite Nat.add_comm. apply more, H2.
Qed.
