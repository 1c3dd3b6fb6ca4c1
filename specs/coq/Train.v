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

  (* Schedule, Delivery::cancel: of all the steps that a train walks through, a cancel at t lets those go that are due
     by then, and drops the others. *)
  Definition all_steps : list Z := take (Z.to_nat n) (train start d n 1).
  Definition delivered_of_cancelled (t : Z) : list Z := filter (fun at_us => at_us <=? t) all_steps.
  Definition dropped_by_cancel (t : Z) : list Z := filter (fun at_us => t <? at_us) all_steps.

  Lemma all_steps_by_number :
    all_steps = map (fun j => start + cdiv (Z.of_nat j * d) n) (seq 1 (Z.to_nat n)).
  Proof.
    assert (G : forall m k r, stands start d n 0 (Z.of_nat k) r ->
                take m r = map (fun j => start + cdiv (Z.of_nat j * d) n) (seq k m)).
    { induction m as [|m IH]; intros k r S; [reflexivity|]. cbn [take seq map]. f_equal.
      - destruct S as (_ & _ & _ & _ & N & _). rewrite N, Z.sub_0_r. reflexivity.
      - apply (IH (Datatypes.S k)). rewrite Nat2Z.inj_succ. apply walk_refines_the_closed_form. exact S. }
    unfold all_steps. apply (G _ 1%nat). apply train_stands; lia.
  Qed.

  Lemma filter_of_map : forall (p : Z -> bool) (f : nat -> Z) (l : list nat),
    filter p (map f l) = map f (filter (fun j => p (f j)) l).
  Proof.
    intros p f l. induction l as [|j l IH]; [reflexivity|]. cbn [map filter].
    destruct (p (f j)); cbn [map]; rewrite IH; reflexivity.
  Qed.

  Lemma filter_alike : forall (p q : nat -> bool) (l : list nat),
    (forall j, In j l -> p j = q j) -> filter p l = filter q l.
  Proof.
    intros p q l. induction l as [|j l IH]; intros E; [reflexivity|]. cbn [filter].
    rewrite (E j (or_introl eq_refl)), IH; [reflexivity|]. intros i I. apply E. right. exact I.
  Qed.

  Lemma steps_up_to : forall c m, (c <= m)%nat ->
    length (filter (fun j => Nat.leb j c) (seq 1 m)) = c.
  Proof.
    intros c m C. replace m with (c + (m - c))%nat by lia. rewrite seq_app, filter_app, app_length.
    replace (length (filter (fun j => Nat.leb j c) (seq 1 c))) with c.
    - replace (length (filter (fun j => Nat.leb j c) (seq (1 + c) (m - c)))) with 0%nat; [lia|].
      symmetry. apply length_zero_iff_nil. destruct (filter _ _) as [|j l] eqn:E; [reflexivity|].
      assert (I : In j (j :: l)) by (left; reflexivity). rewrite <- E in I. apply filter_In in I.
      destruct I as [I B]. apply in_seq in I. apply Nat.leb_le in B. lia.
    - assert (A : forall l : list nat, (forall j, In j l -> (j <= c)%nat) ->
                  filter (fun j => Nat.leb j c) l = l).
      { induction l as [|j l IH]; intros L; [reflexivity|]. cbn [filter].
        rewrite (proj2 (Nat.leb_le j c)) by (apply L; left; reflexivity). f_equal. apply IH.
        intros i I. apply L. right. exact I. }
      rewrite A; [rewrite seq_length; reflexivity|]. intros j J. apply in_seq in J. lia.
  Qed.

  (* DEL-04: each step of a train that is cancelled is delivered or dropped, none is both or twice, none leaves after
     the cancel; delivered are as many as were due by then. *)
  Theorem a_cancel_delivers_just_what_was_due : forall t,
    Z.of_nat (length (delivered_of_cancelled t)) = train_count start d n t /\
    Z.of_nat (length (dropped_by_cancel t)) = n - train_count start d n t /\
    (forall at_us, In at_us (delivered_of_cancelled t) -> at_us <= t) /\
    (forall at_us, In at_us (dropped_by_cancel t) -> t < at_us).
  Proof.
    intros t. pose proof (a_train_never_has_more_than_its_steps t) as B.
    assert (D : Z.of_nat (length (delivered_of_cancelled t)) = train_count start d n t).
    { unfold delivered_of_cancelled. rewrite all_steps_by_number, filter_of_map, map_length.
      rewrite (filter_alike _ (fun j => Nat.leb j (Z.to_nat (train_count start d n t)))).
      - rewrite steps_up_to by lia. lia.
      - intros j J. apply in_seq in J. pose proof (cancel_splits_exactly t (Z.of_nat j) ltac:(lia)) as C.
        destruct (Z.leb_spec (start + cdiv (Z.of_nat j * d) n) t) as [L|L];
          destruct (Nat.leb_spec j (Z.to_nat (train_count start d n t))) as [M|M]; lia. }
    assert (P : forall l : list Z,
      (length (filter (fun at_us => Z.leb at_us t) l) + length (filter (fun at_us => Z.ltb t at_us) l))%nat
        = length l).
    { induction l as [|x l IH]; [reflexivity|]. cbn [filter].
      destruct (Z.leb_spec x t), (Z.ltb_spec t x); cbn [length]; lia. }
    assert (A : length all_steps = Z.to_nat n) by (rewrite all_steps_by_number, map_length, seq_length; reflexivity).
    pose proof (P all_steps) as Q. fold (delivered_of_cancelled t) (dropped_by_cancel t) in Q.
    repeat split.
    - exact D.
    - lia.
    - intros at_us I. apply filter_In in I. destruct I as [_ I]. lia.
    - intros at_us I. apply filter_In in I. destruct I as [_ I]. lia.
  Qed.
End Train.
