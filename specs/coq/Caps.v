(* The sliding-window caps, as kernel-rs/core/src/caps.rs keeps them: a ring of buckets, a running total, saturating
   arithmetic and all. For every history: the count is never less than what was commanded in the window,
     and so no window
   of any beginning holds more than the cap. *)

From Coq Require Import ZArith Lia List.
From Pump Require Import Law.
Import ListNotations.
Open Scope Z_scope.

(* What was really commanded: instants and steps, in any order. *)
Definition history := list (Z * Z).

Fixpoint steps_in (h : history) (lo hi : Z) : Z :=
  match h with
  | [] => 0
  | (at_, n) :: more => (if (lo <=? at_) && (at_ <=? hi) then n else 0) + steps_in more lo hi
  end%bool.

Fixpoint all_steps (h : history) : Z := match h with [] => 0 | (_, n) :: more => n + all_steps more end.

Definition U32_MAX := 2 ^ 32 - 1.
Definition U64_MAX := 2 ^ 64 - 1.

Record window := Window { newest : Z; total : Z; buckets : Z -> Z }.

Definition put (f : Z -> Z) (i v : Z) : Z -> Z := fun j => if j =? i then v else f j.

Section Window.
  (* How long a bucket is, and how many there are. *)
  Variables b len : Z.
  Hypothesis b_pos : 1 <= b.
  Hypothesis len_pos : 1 <= len.

  (* The loop of Window::roll, m turns of it. *)
  Fixpoint clear (m : nat) (from : Z) (w : Z * (Z -> Z)) : Z * (Z -> Z) :=
    match m with
    | O => w
    | S m' =>
        let '(t, f) := clear m' from w in
        let i := (from + Z.of_nat m) mod len in
        (Z.max 0 (t - f i), put f i 0)
    end.

  Definition roll (at_ : Z) (w : window) : window :=
    let now := at_ / b in
    let passed := Z.max 0 (now - newest w) in
    let '(t, f) := clear (Z.to_nat (Z.min passed len)) (newest w) (total w, buckets w) in
    Window (Z.max (newest w) now) t f.

  (* Window::add *)
  Definition add (at_ steps : Z) (w : window) : window :=
    let r := roll at_ w in
    let i := newest r mod len in
    Window (newest r) (Z.min U64_MAX (total r + steps)) (put (buckets r) i (Z.min U32_MAX (buckets r i + steps))).

  (* Window::room *)
  Definition room (most : option Z) (at_ : Z) (w : window) : Z :=
    match most with None => U64_MAX | Some m => Z.max 0 (m - total (roll at_ w)) end.

  (* Steps of the bucket of number j. *)
  Fixpoint held (h : history) (j : Z) : Z :=
    match h with [] => 0 | (at_, n) :: more => (if at_ / b =? j then n else 0) + held more j end.

  Definition real (h : history) : Prop := Forall (fun e => 0 <= snd e) h.
  Definition not_after (h : history) (number : Z) : Prop := Forall (fun e => fst e / b <= number) h.

  Lemma held_nonneg : forall h j, real h -> 0 <= held h j.
  Proof.
    induction h as [|[t n] l IH]; intros j R; cbn [held]; [lia|]. inversion R; subst; cbn in *.
    specialize (IH j ltac:(assumption)). destruct (t / b =? j); lia.
  Qed.

  Lemma held_later : forall h number j, not_after h number -> number < j -> held h j = 0.
  Proof.
    induction h as [|[t n] l IH]; intros number j A L; cbn [held]; [reflexivity|]. inversion A; subst; cbn in *.
    destruct (Z.eqb_spec (t / b) j); [lia|]. rewrite (IH number) by assumption. reflexivity.
  Qed.

  Lemma sum_plus : forall f g lo m, sum (fun j => f j + g j) lo m = sum f lo m + sum g lo m.
  Proof. induction m as [|m IH]; cbn [sum]; [reflexivity|]. rewrite IH. lia. Qed.

  Lemma sum_one : forall x n lo m,
    sum (fun j => if x =? j then n else 0) lo m = if andb (lo <=? x) (x <? lo + Z.of_nat m) then n else 0.
  Proof.
    induction m as [|m IH]; cbn [sum].
    - destruct (Z.leb_spec lo x), (Z.ltb_spec x (lo + Z.of_nat 0)); cbn [andb]; lia.
    - rewrite IH. destruct (Z.leb_spec lo x), (Z.ltb_spec x (lo + Z.of_nat m)), (Z.ltb_spec x (lo + Z.of_nat (S m))),
        (Z.eqb_spec x (lo + Z.of_nat m)); cbn [andb]; lia.
  Qed.

  (* All buckets that a window touches hold at least what lies in the window. *)
  Lemma touched : forall h lo hi first m,
    real h -> first <= lo / b -> hi / b < first + Z.of_nat m -> steps_in h lo hi <= sum (held h) first m.
  Proof.
    induction h as [|[t n] l IH]; intros lo hi first m R F L; cbn [steps_in held].
    - rewrite (sum_const _ 0); [lia|reflexivity].
    - inversion R as [|? ? R1 R2]; subst; cbn [snd] in *. specialize (IH lo hi first m R2 F L).
      change (fun j : Z => (if t / b =? j then n else 0) + held l j)
        with (fun j : Z => (fun j => if t / b =? j then n else 0) j + held l j).
      rewrite sum_plus, sum_one.
      destruct (Z.leb_spec lo t) as [A|A]; cbn [andb].
      + destruct (Z.leb_spec t hi) as [B|B].
        * pose proof (Z.div_le_mono lo t b ltac:(lia) A). pose proof (Z.div_le_mono t hi b ltac:(lia) B).
          destruct (Z.leb_spec first (t / b)), (Z.ltb_spec (t / b) (first + Z.of_nat m)); cbn [andb]; lia.
        * destruct (_ && _)%bool; lia.
      + destruct (_ && _)%bool; lia.
  Qed.

  (* A window of len - 1 buckets' length touches len buckets at most: the one it ends in and those before. *)
  Lemma window_touches : forall h t,
    real h -> steps_in h (t - (len - 1) * b) t <= sum (held h) (t / b - len + 1) (Z.to_nat len).
  Proof.
    intros h t R. apply touched; [exact R| |].
    - replace (t - (len - 1) * b) with (t + - (len - 1) * b) by lia. rewrite Z.div_add by lia. lia.
    - lia.
  Qed.

  (* The invariant, relative to the number of the newest bucket. *)
  Definition covers (h : history) (number t : Z) (f : Z -> Z) : Prop :=
    0 <= t /\ sum (held h) (number - len + 1) (Z.to_nat len) <= t /\
    forall j, number - len < j <= number -> f (j mod len) <= held h j.

  Definition keeps (h : history) (w : window) : Prop :=
    real h /\ not_after h (newest w) /\ covers h (newest w) (total w) (buckets w).

  Lemma mod_apart : forall i j, i mod len = j mod len -> - len < i - j < len -> i = j.
  Proof.
    intros i j E D. pose proof (Z.div_mod i len ltac:(lia)). pose proof (Z.div_mod j len ltac:(lia)).
    assert (len * (i / len - j / len) = i - j) by lia. assert (i / len - j / len = 0) by nia. lia.
  Qed.

  Lemma sum_shift : forall f lo, sum f (lo + 1) (Z.to_nat len) = sum f lo (Z.to_nat len) - f lo + f (lo + len).
  Proof.
    intros f lo. assert (E : Z.to_nat len = S (Z.to_nat (len - 1))) by lia.
    pose proof (sum_app f lo 1 (Z.to_nat (len - 1))) as A. change (1 + Z.to_nat (len - 1))%nat with (S (Z.to_nat (len
      - 1))) in A.
    rewrite <- E in A. cbn [sum] in A. rewrite Z.add_0_r in A. change (Z.of_nat 1) with 1 in A.
    rewrite E at 1. cbn [sum]. replace (lo + 1 + Z.of_nat (Z.to_nat (len - 1))) with (lo + len) by lia. lia.
  Qed.

  Lemma clear_covers : forall m h from t f t' f',
    real h -> not_after h from -> covers h from t f -> clear m from (t, f) = (t', f') ->
    covers h (from + Z.of_nat m) t' f' /\
    forall i, (exists k, 1 <= k <= Z.of_nat m /\ i = (from + k) mod len) -> f' i = 0.
  Proof.
    induction m as [|m IH]; intros h from t f t' f' R A C H; cbn [clear] in H.
    - inversion H; subst. rewrite Z.add_0_r. split; [exact C|]. intros i (k & K & _). lia.
    - change (Z.pos (Pos.of_succ_nat m)) with (Z.of_nat (S m)) in H.
      destruct (clear m from (t, f)) as [t1 f1] eqn:E.
      destruct (IH h from t f t1 f1 R A C E) as ((C1 & C2 & C3) & Z1).
      remember (from + Z.of_nat (S m)) as x eqn:X0. assert (X : x = from + Z.of_nat m + 1) by lia.
      injection H as <- <-.
      assert (I : x mod len = (x - len) mod len) by (rewrite <- (Z.mod_add (x - len) 1 len) by lia; f_equal; lia).
      assert (O : f1 (x mod len) <= held h (x - len)) by (rewrite I; apply C3; lia).
      assert (L : held h x = 0) by (apply (held_later h from); [exact A|lia]).
      split; [split; [lia|split]|].
      + pose proof (sum_shift (held h) (from + Z.of_nat m - len + 1)) as S.
        replace (x - len + 1) with (from + Z.of_nat m - len + 1 + 1) by lia. rewrite S.
        replace (from + Z.of_nat m - len + 1) with (x - len) in * by lia.
        replace (x - len + len) with x by lia. lia.
      + intros j J. unfold put. destruct (Z.eqb_spec (j mod len) (x mod len)) as [E1|E1].
        * apply held_nonneg, R.
        * apply C3. assert (j <> x) by congruence. lia.
      + intros i (k & K & ->). unfold put. destruct (Z.eqb_spec ((from + k) mod len) (x mod len)) as [E1|E1];
        [reflexivity|].
        apply Z1. exists k. split; [|reflexivity]. assert (k <> Z.of_nat (S m)) by (intros ->; apply E1; rewrite X0;
          reflexivity). lia.
  Qed.

  Lemma roll_keeps : forall h w at_,
    keeps h w -> keeps h (roll at_ w) /\ newest (roll at_ w) = Z.max (newest w) (at_ / b).
  Proof.
    intros h w at_ (R & A & C). unfold roll. set (passed := Z.max 0 (at_ / b - newest w)).
    destruct (clear (Z.to_nat (Z.min passed len)) (newest w) (total w, buckets w)) as [t f] eqn:E.
    destruct (clear_covers _ h _ _ _ _ _ R A C E) as ((C1 & C2 & C3) & Z1).
    cbn [newest total buckets]. split; [|reflexivity].
    assert (A' : not_after h (Z.max (newest w) (at_ / b))).
    { eapply Forall_impl; [|exact A]. intros e X; cbn in *. lia. }
    split; [exact R|]. split; [exact A'|]. cbn [newest total buckets].
    rewrite Z2Nat.id in C2, C3, Z1 by lia. destruct (Z.le_gt_cases passed len) as [L|G].
    - rewrite Z.min_l in C2, C3 by lia. replace (Z.max (newest w) (at_ / b)) with (newest w + passed) by lia.
      split; [exact C1|]. split; [exact C2|exact C3].
    - rewrite Z.min_r in Z1 by lia. split; [exact C1|]. split.
      + rewrite (sum_const _ 0); [lia|]. intros u U. apply (held_later h (newest w)); [exact A|lia].
      + intros j J. rewrite Z1; [apply held_nonneg, R|].
        pose proof (Z.mod_pos_bound (j - newest w - 1) len ltac:(lia)) as M.
        exists ((j - newest w - 1) mod len + 1). split; [lia|].
        pose proof (Z.div_mod (j - newest w - 1) len ltac:(lia)).
        replace j with (newest w + ((j - newest w - 1) mod len + 1) + (j - newest w - 1) / len * len) at 1 by lia.
        apply Z.mod_add. lia.
  Qed.

  Lemma steps_in_app : forall h g lo hi, steps_in (h ++ g) lo hi = steps_in h lo hi + steps_in g lo hi.
  Proof. induction h as [|[t n] l IH]; intros; cbn [steps_in app]; [lia|]. rewrite IH. lia. Qed.

  Lemma sum_held_le_all : forall h lo m, real h -> sum (held h) lo m <= all_steps h.
  Proof.
    induction h as [|[t n] l IH]; intros lo m R; cbn [held all_steps].
    - rewrite (sum_const _ 0); [lia|reflexivity].
    - inversion R; subst; cbn [snd] in *.
      change (fun j : Z => (if t / b =? j then n else 0) + held l j)
        with (fun j : Z => (fun j => if t / b =? j then n else 0) j + held l j).
      rewrite sum_plus, sum_one. specialize (IH lo m ltac:(assumption)). destruct (_ && _)%bool; lia.
  Qed.

  (* Steps that are booked stay counted, even where a bucket is full to its last bit. *)
  Lemma add_keeps : forall h w at_ n,
    keeps h w -> newest w <= at_ / b -> 0 <= n -> all_steps h + n <= U64_MAX -> keeps ((at_, n) :: h) (add at_ n w).
  Proof.
    intros h w at_ n K L N U. destruct (roll_keeps h w at_ K) as ((R & A & C1 & C2 & C3) & E).
    rewrite Z.max_r in E by lia. unfold add. set (r := roll at_ w) in *.
    assert (R' : real ((at_, n) :: h)) by (constructor; [cbn; lia|exact R]).
    split; [exact R'|]. cbn [newest total buckets]. split; [constructor; [cbn; lia|exact A]|].
    assert (S : sum (held ((at_, n) :: h)) (newest r - len + 1) (Z.to_nat len)
                = n + sum (held h) (newest r - len + 1) (Z.to_nat len)).
    { cbn [held]. change (fun j : Z => (if at_ / b =? j then n else 0) + held h j)
        with (fun j : Z => (fun j => if at_ / b =? j then n else 0) j + held h j).
      rewrite sum_plus, sum_one, E.
      destruct (Z.leb_spec (at_ / b - len + 1) (at_ / b)), (Z.ltb_spec (at_ / b) (at_ / b - len + 1 + Z.of_nat
        (Z.to_nat len)));
        cbn [andb]; lia. }
    pose proof (sum_held_le_all h (newest r - len + 1) (Z.to_nat len) R) as T.
    split; [unfold U64_MAX in *; lia|]. split; [rewrite S; lia|].
    intros j J. unfold put. cbn [held]. rewrite E in *. destruct (Z.eqb_spec (j mod len) ((at_ / b) mod len)) as [X|X].
    - assert (j = at_ / b) by (apply mod_apart; [exact X|lia]). subst j. rewrite Z.eqb_refl.
      specialize (C3 (at_ / b) ltac:(lia)). lia.
    - specialize (C3 j J). destruct (Z.eqb_spec (at_ / b) j); lia.
  Qed.

  (* LIM-04, LIM-05: the count of a window is never less than what was commanded in it: in the whole closed window that
     ends at t, of len - 1 buckets' length, whatever the history. *)
  Theorem never_under_counts : forall h w t,
    keeps h w -> newest w <= t / b -> steps_in h (t - (len - 1) * b) t <= total (roll t w).
  Proof.
    intros h w t K L. destruct (roll_keeps h w t K) as ((R & _ & _ & C & _) & E). rewrite Z.max_r in E by lia.
    rewrite E in C. pose proof (window_touches h t R). lia.
  Qed.

  (* The other side: while no bucket is full to its last bit, the total is just what the buckets of the window hold. *)
  Definition tells (h : history) (number t : Z) (f : Z -> Z) : Prop :=
    t = sum (held h) (number - len + 1) (Z.to_nat len) /\ forall j,
      number - len < j <= number -> f (j mod len) = held h j.

  Definition exact (h : history) (w : window) : Prop :=
    real h /\ not_after h (newest w) /\ tells h (newest w) (total w) (buckets w).

  Lemma clear_tells : forall m h from t f t' f',
    real h -> not_after h from -> tells h from t f -> clear m from (t, f) = (t', f') ->
    tells h (from + Z.of_nat m) t' f' /\ (Z.of_nat m <= len ->
    forall i, (exists k, 1 <= k <= Z.of_nat m /\ i = (from + k) mod len) -> f' i = 0).
  Proof.
    induction m as [|m IH]; intros h from t f t' f' R A C H; cbn [clear] in H.
    - inversion H; subst. rewrite Z.add_0_r. split; [exact C|]. intros _ i (k & K & _). lia.
    - change (Z.pos (Pos.of_succ_nat m)) with (Z.of_nat (S m)) in H.
      destruct (clear m from (t, f)) as [t1 f1] eqn:E.
      destruct (IH h from t f t1 f1 R A C E) as ((C2 & C3) & Z1).
      remember (from + Z.of_nat (S m)) as x eqn:X0. assert (X : x = from + Z.of_nat m + 1) by lia.
      injection H as <- <-.
      assert (I : x mod len = (x - len) mod len) by (rewrite <- (Z.mod_add (x - len) 1 len) by lia; f_equal; lia).
      assert (O : f1 (x mod len) = held h (x - len)) by (rewrite I; apply C3; lia).
      assert (L : held h x = 0) by (apply (held_later h from); [exact A|lia]).
      pose proof (sum_shift (held h) (from + Z.of_nat m - len + 1)) as T.
      replace (from + Z.of_nat m - len + 1) with (x - len) in * by lia. replace (x - len + len) with x in T by lia.
      assert (N : 0 <= sum (held h) (x - len + 1) (Z.to_nat len)) by (apply sum_nonneg; intros; apply held_nonneg, R).
      split; [split|].
      + rewrite O. lia.
      + intros j J. unfold put. destruct (Z.eqb_spec (j mod len) (x mod len)) as [E1|E1].
        * apply mod_apart in E1; [|lia]. subst j. lia.
        * apply C3. assert (j <> x) by congruence. lia.
      + intros M i (k & K & ->). unfold put. destruct (Z.eqb_spec ((from + k) mod len) (x mod len)) as [E1|E1];
        [reflexivity|].
        apply Z1; [lia|]. exists k. split; [|reflexivity].
        assert (k <> Z.of_nat (S m)) by (intros ->; apply E1; rewrite X0; reflexivity). lia.
  Qed.

  Lemma roll_exact : forall h w at_,
    exact h w -> exact h (roll at_ w) /\ newest (roll at_ w) = Z.max (newest w) (at_ / b).
  Proof.
    intros h w at_ (R & A & C). unfold roll. set (passed := Z.max 0 (at_ / b - newest w)).
    destruct (clear (Z.to_nat (Z.min passed len)) (newest w) (total w, buckets w)) as [t f] eqn:E.
    destruct (clear_tells _ h _ _ _ _ _ R A C E) as ((C2 & C3) & Z1).
    cbn [newest total buckets]. split; [|reflexivity].
    assert (A' : not_after h (Z.max (newest w) (at_ / b))).
    { eapply Forall_impl; [|exact A]. intros e X; cbn in *. lia. }
    split; [exact R|]. split; [exact A'|]. cbn [newest total buckets].
    rewrite Z2Nat.id in C2, C3, Z1 by lia. destruct (Z.le_gt_cases passed len) as [L|G].
    - rewrite Z.min_l in C2, C3 by lia. replace (Z.max (newest w) (at_ / b)) with (newest w + passed) by lia.
      split; [exact C2|exact C3].
    - rewrite Z.min_r in C2, Z1 by lia. split.
      + rewrite C2. rewrite !(sum_const _ 0); [reflexivity| |]; intros u U; apply (held_later h (newest w));
        (exact A || lia).
      + intros j J. rewrite (held_later h (newest w)) by (exact A || lia). apply Z1; [lia|].
        pose proof (Z.mod_pos_bound (j - newest w - 1) len ltac:(lia)) as M.
        exists ((j - newest w - 1) mod len + 1). split; [lia|].
        pose proof (Z.div_mod (j - newest w - 1) len ltac:(lia)).
        replace j with (newest w + ((j - newest w - 1) mod len + 1) + (j - newest w - 1) / len * len) at 1 by lia.
        apply Z.mod_add. lia.
  Qed.

  (* The count is too large by no more than what fell in the one bucket that the window touches with a part only: it
    is at
     most what was commanded in a window of len buckets' length, not len - 1. *)
  Theorem over_counts_by_less_than_a_bucket : forall h w t,
    exact h w -> newest w <= t / b -> Forall (fun e => fst e <= t) h ->
    total (roll t w) <= steps_in h (t - len * b + 1) t.
  Proof.
    assert (G : forall h first m lo hi, real h -> Forall (fun e => fst e <= hi) h -> lo <= first * b ->
                sum (held h) first m <= steps_in h lo hi).
    { induction h as [|[x n] l IH]; intros first m lo hi R F L; cbn [held steps_in].
      - rewrite (sum_const _ 0); [lia|reflexivity].
      - inversion R as [|? ? R1 R2]; inversion F as [|? ? F1 F2]; subst; cbn [fst snd] in *.
        specialize (IH first m lo hi R2 F2 L).
        change (fun j : Z => (if x / b =? j then n else 0) + held l j)
          with (fun j : Z => (fun j => if x / b =? j then n else 0) j + held l j).
        rewrite sum_plus, sum_one. destruct (Z.leb_spec x hi); [|lia].
        destruct (Z.leb_spec first (x / b)) as [A|A]; cbn [andb].
        + apply div_ge in A; [|lia]. destruct (Z.leb_spec lo x); [|lia]. cbn [andb]. destruct (x / b <? _); lia.
        + destruct (lo <=? x); cbn [andb]; lia. }
    intros h w t K N F. destruct (roll_exact h w t K) as ((R & _ & C & _) & E). rewrite Z.max_r in E by lia.
    rewrite E in C. rewrite C. apply G; [exact R|exact F|].
    pose proof (Z.div_mod t b ltac:(lia)). pose proof (Z.mod_pos_bound t b ltac:(lia)). nia.
  Qed.

  Theorem booking_is_exact_while_no_bucket_is_full : forall h w at_ n,
    exact h w -> newest w <= at_ / b -> 0 <= n -> all_steps h + n <= U32_MAX -> exact ((at_, n) :: h) (add at_ n w).
  Proof.
    intros h w at_ n K L N U. destruct (roll_exact h w at_ K) as ((R & A & C2 & C3) & E).
    rewrite Z.max_r in E by lia. unfold add. set (r := roll at_ w) in *.
    split; [constructor; [cbn; lia|exact R]|]. cbn [newest total buckets]. split; [constructor; [cbn; lia|exact A]|].
    assert (T : sum (held ((at_, n) :: h)) (newest r - len + 1) (Z.to_nat len)
                = n + sum (held h) (newest r - len + 1) (Z.to_nat len)).
    { cbn [held]. change (fun j : Z => (if at_ / b =? j then n else 0) + held h j)
        with (fun j : Z => (fun j => if at_ / b =? j then n else 0) j + held h j).
      rewrite sum_plus, sum_one, E.
      destruct (Z.leb_spec (at_ / b - len + 1) (at_ / b)), (Z.ltb_spec (at_ / b) (at_ / b - len + 1 + Z.of_nat
        (Z.to_nat len)));
        cbn [andb]; lia. }
    pose proof (sum_held_le_all h (newest r - len + 1) (Z.to_nat len) R) as V.
    pose proof (sum_held_le_all h (at_ / b) 1 R) as V1. cbn [sum] in V1. rewrite Z.add_0_r in V1.
    unfold U32_MAX, U64_MAX in *. split; [rewrite T; lia|].
    intros j J. unfold put. cbn [held]. rewrite E in *. destruct (Z.eqb_spec (j mod len) ((at_ / b) mod len)) as [X|X].
    - assert (j = at_ / b) by (apply mod_apart; [exact X|lia]). subst j. rewrite Z.eqb_refl.
      specialize (C3 (at_ / b) ltac:(lia)). lia.
    - specialize (C3 j J). destruct (Z.eqb_spec (at_ / b) j) as [Y|Y]; [subst j; congruence|lia].
  Qed.

  Lemma empty_keeps : forall number, keeps [] (Window number 0 (fun _ => 0)).
  Proof.
    intros. split; [constructor|]. split; [constructor|]. cbn [newest total buckets]. split; [lia|]. split.
    - cbn [held]. rewrite (sum_const _ 0); [lia|reflexivity].
    - intros. cbn. lia.
  Qed.

  (* Steps admitted by the room: the window that ends with them holds no more than the cap. *)
  Theorem admission_keeps_the_cap : forall h w at_ n m,
    keeps h w -> newest w <= at_ / b -> 0 < n -> n <= room (Some m) at_ w ->
    steps_in ((at_, n) :: h) (at_ - (len - 1) * b) at_ <= m.
  Proof.
    intros h w at_ n m K L N R. cbn [room steps_in] in *. pose proof (never_under_counts h w at_ K L).
    destruct (Z.leb_spec (at_ - (len - 1) * b) at_), (Z.leb_spec at_ at_); cbn [andb]; nia.
  Qed.
End Window.

(* ---- Both caps together: Caps::take ---- *)

Definition HOUR_BUCKET := 60000000.
Definition HOUR_LEN := 61.
Definition DAY_BUCKET := 600000000.
Definition DAY_LEN := 145.

(* LIM-04, LIM-05: the buckets but one are an hour long, and a day. *)
Theorem the_windows_are_an_hour_and_a_day : (HOUR_LEN - 1) * HOUR_BUCKET = 3600000000 /\ (DAY_LEN - 1) * DAY_BUCKET =
  86400000000.
Proof. unfold HOUR_LEN, HOUR_BUCKET, DAY_LEN, DAY_BUCKET. lia. Qed.

Record caps := Caps { hour : window; day : window }.

Definition take (hour_most day_most : option Z) (at_ steps : Z) (c : caps) : Z * caps :=
  let allowed := Z.min (room HOUR_BUCKET HOUR_LEN hour_most at_ (hour c)) (room DAY_BUCKET DAY_LEN day_most at_ (day
    c)) in
  let taken := Z.min steps (Z.min U32_MAX allowed) in
  (taken, Caps (add HOUR_BUCKET HOUR_LEN at_ taken (hour c)) (add DAY_BUCKET DAY_LEN at_ taken (day c))).

(* What is commanded of a list of requests, the last first. *)
Fixpoint commanded (hour_most day_most : option Z) (c : caps) (h : history) (requests : list (Z * Z)) : history * caps
  :=
  match requests with
  | [] => (h, c)
  | (at_, steps) :: more =>
      let '(taken, c') := take hour_most day_most at_ steps c in
      commanded hour_most day_most c' ((at_, taken) :: h) more
  end.

Fixpoint in_time (earliest : Z) (requests : list (Z * Z)) : Prop :=
  match requests with [] => True | (at_, steps) :: more => earliest <= at_ /\ 0 <= steps /\ in_time at_ more end.

Definition fresh (at_ : Z) : caps :=
  Caps (Window (at_ / HOUR_BUCKET) 0 (fun _ => 0)) (Window (at_ / DAY_BUCKET) 0 (fun _ => 0)).

Definition cap_holds (b len : Z) (most : option Z) (h : history) : Prop :=
  match most with None => True | Some m => forall t, steps_in h (t - (len - 1) * b) t <= Z.max 0 m end.

Lemma cap_step : forall b len m h w at_ n,
  1 <= b -> 1 <= len -> keeps b len h w -> newest w <= at_ / b -> 0 <= n -> Forall (fun e => fst e <= at_) h ->
  match m with None => True | Some k => n <= Z.max 0 (k - total (roll b len at_ w)) end ->
  cap_holds b len m h -> cap_holds b len m ((at_, n) :: h).
Proof.
  intros b len [k|] h w at_ n B L K N P F R C; [|exact I]. intros t. cbn [steps_in]. specialize (C t).
  destruct (Z.leb_spec (t - (len - 1) * b) at_) as [X|X]; cbn [andb]; [|lia].
  destruct (Z.leb_spec at_ t) as [Y|Y]; [|lia].
  destruct (Z.eq_dec n 0) as [->|Z0]; [lia|].
  pose proof (never_under_counts b len B L h w at_ K N) as U.
  (* A later window that still touches this step holds no more of what was before than the window that ends with it. *)
  assert (M : steps_in h (t - (len - 1) * b) t <= steps_in h (at_ - (len - 1) * b) at_).
  { destruct K as (K & _). clear - K F X Y. induction h as [|[x q] l IH]; cbn [steps_in]; [lia|].
    inversion K; inversion F; subst; cbn [fst snd] in *.
    specialize (IH ltac:(assumption) ltac:(assumption)).
    destruct (Z.leb_spec (t - (len - 1) * b) x), (Z.leb_spec x t), (Z.leb_spec (at_ - (len - 1) * b) x),
      (Z.leb_spec x at_);
      cbn [andb]; lia. }
  nia.
Qed.

(* LIM-04, LIM-05: whatever is asked for, whenever, no window of one hour and none of 24 hours, wherever it begins,
  holds
   more steps than its cap. Midnight is nowhere in it. *)
Theorem no_window_exceeds_its_cap : forall requests hour_most day_most begin,
  in_time begin requests -> all_steps requests <= U64_MAX ->
  let h := fst (commanded hour_most day_most (fresh begin) [] requests) in
  cap_holds HOUR_BUCKET HOUR_LEN hour_most h /\ cap_holds DAY_BUCKET DAY_LEN day_most h.
Proof.
  assert (G : forall requests hm dm c h at0,
    in_time at0 requests -> Forall (fun e => fst e <= at0) h -> all_steps h + all_steps requests <= U64_MAX ->
    keeps HOUR_BUCKET HOUR_LEN h (hour c) -> keeps DAY_BUCKET DAY_LEN h (day c) ->
    newest (hour c) <= at0 / HOUR_BUCKET -> newest (day c) <= at0 / DAY_BUCKET ->
    cap_holds HOUR_BUCKET HOUR_LEN hm h -> cap_holds DAY_BUCKET DAY_LEN dm h ->
    let h' := fst (commanded hm dm c h requests) in
    cap_holds HOUR_BUCKET HOUR_LEN hm h' /\ cap_holds DAY_BUCKET DAY_LEN dm h').
  { induction requests as [|[x n] more IH]; intros hm dm c h at0 T F A K1 K2 N1 N2 C1 C2; cbn [commanded]; [split;
    assumption|].
    destruct T as (T1 & T2 & T3). cbn [all_steps] in A. unfold take.
    set (allowed := Z.min (room HOUR_BUCKET HOUR_LEN hm x (hour c)) (room DAY_BUCKET DAY_LEN dm x (day c))).
    set (taken := Z.min n (Z.min U32_MAX allowed)).
    pose proof (Z.div_le_mono at0 x HOUR_BUCKET ltac:(unfold HOUR_BUCKET; lia) T1) as D1.
    pose proof (Z.div_le_mono at0 x DAY_BUCKET ltac:(unfold DAY_BUCKET; lia) T1) as D2.
    assert (P1 : 0 <= room HOUR_BUCKET HOUR_LEN hm x (hour c)) by (unfold room, U64_MAX; destruct hm; lia).
    assert (P2 : 0 <= room DAY_BUCKET DAY_LEN dm x (day c)) by (unfold room, U64_MAX; destruct dm; lia).
    assert (P : 0 <= taken <= n) by (unfold taken, allowed, U32_MAX; lia).
    assert (R : 0 <= all_steps more).
    { clear - T3. revert x T3. induction more as [|[y k] l IH]; intros x T; cbn [all_steps]; [lia|].
      destruct T as (_ & T1 & T2). specialize (IH y T2). lia. }
    assert (F' : Forall (fun e : Z * Z => fst e <= x) h) by (eapply Forall_impl; [|exact F]; intros e E; cbn in *; lia).
    apply (IH hm dm _ _ x); cbn [hour day all_steps]; try assumption.
    - constructor; [cbn; lia|exact F'].
    - lia.
    - apply add_keeps; unfold HOUR_BUCKET, HOUR_LEN in *; try assumption; lia.
    - apply add_keeps; unfold DAY_BUCKET, DAY_LEN in *; try assumption; lia.
    - unfold add; cbn [newest]. rewrite (proj2 (roll_keeps HOUR_BUCKET HOUR_LEN ltac:(unfold HOUR_LEN;
      lia) _ _ _ K1)). lia.
    - unfold add; cbn [newest]. rewrite (proj2 (roll_keeps DAY_BUCKET DAY_LEN ltac:(unfold DAY_LEN; lia) _ _ _ K2)).
      lia.
    - apply (cap_step _ _ _ _ (hour c)); unfold HOUR_BUCKET, HOUR_LEN in *; try assumption; try lia.
      destruct hm as [k|]; [|exact I]. cbn [room] in *. lia.
    - apply (cap_step _ _ _ _ (day c)); unfold DAY_BUCKET, DAY_LEN in *; try assumption; try lia.
      destruct dm as [k|]; [|exact I]. cbn [room] in *. lia. }
  intros requests hm dm begin T A h. apply (G requests hm dm (fresh begin) [] begin);
    cbn [hour day fresh newest all_steps];
    try assumption; try lia; try (apply empty_keeps; unfold HOUR_LEN, DAY_LEN; lia).
  - constructor.
  - destruct hm; [|exact I]. intros t. cbn [steps_in]. lia.
  - destruct dm; [|exact I]. intros t. cbn [steps_in]. lia.
Qed.
