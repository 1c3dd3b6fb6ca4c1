(* Trains: an amount of n whole steps, spread evenly over d microseconds (kernel-rs/core/src/law.rs: Train). A train is
   a programme like any other: it earns n parts of a step each microsecond, of which d make one step. *)

From Coq Require Import Bool ZArith Lia List.
From Pump Require Import Law Ramp.
Import ListNotations.
Open Scope Z_scope.

Definition train_rate (start d n u : Z) : Z := if (start <=? u) && (u <? start + d) then n else 0.

(* Train::count_at *)
Definition train_count (start d n t : Z) : Z :=
  let elapsed := Z.min (Z.max 0 (t - start)) d in if elapsed =? d then n else elapsed * n / d.

(* Train::due_at *)
Definition train_due (start d n k : Z) : option Z :=
  if (k =? 0) || (n <? k) then None else Some (start + cdiv (k * d) n).

Section Train.
  Variables start d n : Z.
  Hypothesis d_pos : 1 <= d.
  Hypothesis n_pos : 1 <= n.

  Lemma train_rate_nonneg : forall u, 0 <= train_rate start d n u.
  Proof. intros u. unfold train_rate. destruct ((start <=? u) && (u <? start + d)); lia. Qed.

  Lemma train_rate_inside : forall u, start <= u < start + d -> train_rate start d n u = n.
  Proof. intros u U. unfold train_rate. destruct (Z.leb_spec start u), (Z.ltb_spec u (start + d)); cbn [andb]; lia. Qed.

  (* What a train has earned: its amount times the part of its time that is over; all of it from the end on. *)
  Theorem train_earns_evenly : forall t,
    earned (train_rate start d n) start t = n * Z.min (Z.max 0 (t - start)) d.
  Proof.
    intros t. destruct (Z.le_gt_cases t start) as [A|A]; [rewrite earned_begin, Z.max_l, Z.min_l by lia; lia|].
    destruct (Z.le_gt_cases t (start + d)) as [B|B].
    - rewrite (earned_const _ n) by (lia || (intros; apply train_rate_inside; lia)). f_equal. lia.
    - rewrite (earned_split _ start (start + d) t) by lia.
      rewrite (earned_const _ n start) by (lia || (intros; apply train_rate_inside; lia)).
      rewrite (earned_const _ 0 (start + d)); [|lia|].
      + rewrite Z.min_r by lia. lia.
      + intros u U. unfold train_rate. destruct (Z.leb_spec start u), (Z.ltb_spec u (start + d)); cbn [andb]; lia.
  Qed.

  (* The kernel's count is the law's. *)
  Theorem train_count_is_the_law : forall t, train_count start d n t = count (train_rate start d n) d start t.
  Proof.
    intros t. unfold train_count, count. rewrite train_earns_evenly.
    destruct (Z.eqb_spec (Z.min (Z.max 0 (t - start)) d) d) as [E|E].
    - rewrite E. rewrite Z.div_mul by lia. reflexivity.
    - f_equal. lia.
  Qed.

  (* DEL-01: step k of n is due at start + ceil(k d / n). *)
  Theorem train_due_is_the_law : forall k,
    1 <= k <= n -> is_due (train_rate start d n) d start k (start + cdiv (k * d) n).
  Proof.
    intros k K. pose proof (due_time_in_closed_form (train_rate start d n) train_rate_nonneg d start ltac:(lia) start
      (start + d) n k ltac:(lia) ltac:(lia) train_rate_inside) as D.
    rewrite earned_begin, Z.sub_0_r in D by lia. apply D. nia.
  Qed.

  (* A train has exactly n steps, from its end on and for ever; none at its start; at no time more. *)
  Theorem a_train_delivers_exactly_its_amount : forall t, start + d <= t -> train_count start d n t = n.
  Proof. intros t T. unfold train_count. destruct (Z.eqb_spec (Z.min (Z.max 0 (t - start)) d) d); lia. Qed.

  Theorem a_train_never_has_more_than_its_steps : forall t, 0 <= train_count start d n t <= n.
  Proof.
    intros t. rewrite train_count_is_the_law. unfold count. rewrite train_earns_evenly.
    split; [apply Z.div_pos; nia|]. apply Z.div_le_upper_bound; nia.
  Qed.

  (* A step is never due at the start itself, and the last is due exactly at the end. *)
  Theorem train_steps_lie_within : forall k, 1 <= k <= n -> start < start + cdiv (k * d) n <= start + d.
  Proof.
    intros k K. pose proof (cdiv_spec (k * d) n ltac:(lia)). split; [nia|].
    assert (cdiv (k * d) n <= d) by (apply cdiv_le; nia). lia.
  Qed.

  Theorem the_last_step_is_due_at_the_end : start + cdiv (n * d) n = start + d.
  Proof. f_equal. apply cdiv_unique; nia. Qed.

  Theorem the_kernel_knows_just_its_steps : forall k,
    0 <= k -> (train_due start d n k <> None <-> 1 <= k <= n).
  Proof. intros k K. unfold train_due. destruct (Z.eqb_spec k 0), (Z.ltb_spec n k); cbn; split; intros; try lia;
    congruence. Qed.

  (* Stream::take: the steps from step k on, one after the other, by walking. *)
  Fixpoint take (m : nat) (r : ramp) : list Z :=
    match m with O => [] | S m => next r :: take m (walk r) end.

  (* The walk gives every step of a train at its due time, from whichever step it begins. *)
  Theorem train_walk_is_the_law : forall k m j,
    1 <= k -> k + Z.of_nat m <= n + 1 -> (j < m)%nat ->
    is_due (train_rate start d n) d start (k + Z.of_nat j) (nth j (take m (train start d n k)) 0).
  Proof.
    assert (G : forall m k r j, stands start d n 0 k r -> (j < m)%nat ->
                nth j (take m r) 0 = start + cdiv ((k + Z.of_nat j) * d) n).
    { induction m as [|m IH]; intros k r j S J; [lia|]. cbn [take]. destruct j as [|j]; cbn [nth].
      - destruct S as (_ & _ & _ & _ & N & _). rewrite N. rewrite Z.add_0_r, Z.sub_0_r. reflexivity.
      - rewrite (IH (k + 1) (walk r) j (walk_refines_the_closed_form _ _ _ _ _ _ S) ltac:(lia)).
        f_equal. f_equal. lia. }
    intros k m j K M J. rewrite (G m k (train start d n k) j) by (try apply train_stands; lia).
    apply train_due_is_the_law. lia.
  Qed.

  (* DEL-04: a train that is cancelled at t has delivered the steps due by t, those due exactly at t among them;
    delivered
     and not delivered are all of it, for any size of a step. *)
  Theorem cancel_splits_exactly : forall t k,
    1 <= k <= n -> (start + cdiv (k * d) n <= t <-> k <= train_count start d n t).
  Proof.
    intros t k K. rewrite train_count_is_the_law. pose proof (train_due_is_the_law k K) as D.
    destruct (Z.le_gt_cases start t) as [A|A].
    - apply (due_by_iff_counted _ train_rate_nonneg d start ltac:(lia) k _ t D A).
    - pose proof (train_steps_lie_within k K). unfold count. rewrite earned_begin, Z.div_0_l by lia. lia.
  Qed.

  Theorem nothing_is_lost_by_a_cancel : forall t step_uu,
    let delivered := train_count start d n t in
    delivered * step_uu + (n - delivered) * step_uu = n * step_uu /\ 0 <= delivered /\ 0 <= n - delivered.
  Proof. intros t step_uu delivered. pose proof (a_train_never_has_more_than_its_steps t). unfold delivered. lia. Qed.
End Train.
