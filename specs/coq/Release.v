(* When due steps leave the actuator (kernel-rs/core/src/walk.rs and delivery.rs): at once, a gap after the one before,
   or on a grid; and in which order the steps of several channels come. *)

From Coq Require Import ZArith Lia List Sorted Bool.
From Pump Require Import Law.
Import ListNotations.
Open Scope Z_scope.

(* ---- Gap: at(i) = max(due(i), at(i - 1) + gap) ---- *)

Fixpoint gaps (gap ready : Z) (dues : list Z) : list Z :=
  match dues with
  | [] => []
  | due :: more => let at_ := Z.max due ready in at_ :: gaps gap (at_ + gap) more
  end.

(* When the actuator is free again behind them. *)
Fixpoint after (gap ready : Z) (dues : list Z) : Z :=
  match dues with [] => ready | due :: more => after gap (Z.max due ready + gap) more end.

Lemma gaps_length : forall dues gap ready, length (gaps gap ready dues) = length dues.
Proof. induction dues as [|d l IH]; intros; cbn [gaps length]; [reflexivity|]. rewrite IH. reflexivity. Qed.

(* No step leaves before it is due, and none while the actuator is busy. *)
Theorem gap_never_before_due : forall dues gap ready i,
  0 <= gap -> (i < length dues)%nat -> nth i dues 0 <= nth i (gaps gap ready dues) 0 /\ ready <= nth i (gaps gap ready
    dues) 0.
Proof.
  induction dues as [|d l IH]; intros gap ready i G I; cbn [length] in I; [lia|]. cbn [gaps]. destruct i as [|i];
    cbn [nth]; [lia|].
  destruct (IH gap (Z.max d ready + gap) i G ltac:(lia)). lia.
Qed.

(* DEL-05: between two pulses there is at least the gap; so pulses never go back in time. *)
Theorem gap_is_kept : forall dues gap ready i,
  0 <= gap -> (S i < length dues)%nat -> nth i (gaps gap ready dues) 0 + gap <= nth (S i) (gaps gap ready dues) 0.
Proof.
  induction dues as [|d l IH]; intros gap ready i G I; cbn [length] in I; [lia|]. cbn [gaps]. destruct i as [|i].
  - cbn [nth]. destruct l as [|e l]; cbn [length] in I; [lia|]. cbn [gaps nth]. lia.
  - change (nth (S i) (Z.max d ready :: gaps gap (Z.max d ready + gap) l) 0) with (nth i (gaps gap (Z.max d ready +
    gap) l) 0).
    change (nth (S (S i)) (Z.max d ready :: gaps gap (Z.max d ready + gap) l) 0)
      with (nth (S i) (gaps gap (Z.max d ready + gap) l) 0). apply IH; lia.
Qed.

(* And no later than needed: whoever keeps due times and gap leaves no earlier. *)
Theorem gap_is_the_earliest : forall dues other gap ready i,
  0 <= gap -> length other = length dues -> (i < length dues)%nat ->
  (forall j, (j < length dues)%nat -> nth j dues 0 <= nth j other 0 /\ ready <= nth j other 0) ->
  (forall j, (S j < length dues)%nat -> nth j other 0 + gap <= nth (S j) other 0) ->
  nth i (gaps gap ready dues) 0 <= nth i other 0.
Proof.
  induction dues as [|d l IH]; intros other gap ready i G L I D K; cbn [length] in *; [lia|].
  destruct other as [|o other]; cbn [length] in L; [lia|]. cbn [gaps].
  pose proof (D O ltac:(lia)) as D0. cbn [nth] in D0. destruct i as [|i]; cbn [nth]; [lia|].
  apply IH; try lia.
  - intros j J. pose proof (D (S j) ltac:(lia)) as D1. cbn [nth] in D1. split; [lia|].
    assert (M : o + gap <= nth j other 0).
    { clear - J K G. revert J. induction j as [|j IHj]; intros J.
      - specialize (K O ltac:(lia)). cbn [nth] in K. lia.
      - specialize (IHj ltac:(lia)). specialize (K (S j) ltac:(lia)). cbn [nth] in K. lia. }
    lia.
  - intros j J. specialize (K (S j) ltac:(lia)). exact K.
Qed.

(* walk.rs, Gap::run: where the first is due when the actuator is free, and the others at least a gap apart,
  none waits, so
   a whole run may leave as it falls due. *)
Fixpoint apart (gap ready : Z) (dues : list Z) : Prop :=
  match dues with [] => True | due :: more => ready <= due /\ apart gap (due + gap) more end.

Theorem nothing_waits_where_steps_are_apart : forall dues gap ready, apart gap ready dues -> gaps gap ready dues = dues.
Proof.
  induction dues as [|d l IH]; intros gap ready A; cbn [gaps apart] in *; [reflexivity|]. destruct A as (A1 & A2).
  rewrite Z.max_l by lia. rewrite IH by exact A2. reflexivity.
Qed.

(* Delivery::go with a gap: `waiting` steps are due and wait, the first of them until `ready`. *)
Fixpoint drain (gap : Z) (waiting : nat) (ready t : Z) : list Z * (nat * Z) :=
  match waiting with
  | O => ([], (O, ready))
  | S w => if ready <=? t then let '(l, s) := drain gap w (ready + gap) t in (ready :: l, s) else ([], (waiting, ready))
  end.

Fixpoint pass (gap t : Z) (s : nat * Z) (dues : list Z) : list Z * (nat * Z) :=
  match dues with
  | [] => ([], s)
  | due :: more =>
      let '(waiting, ready) := s in
      let at_ := Z.max due ready in
      if at_ <=? t then let '(l, s') := pass gap t (waiting, at_ + gap) more in (at_ :: l, s')
      else pass gap t (S waiting, ready) more
  end.

Definition go (gap t : Z) (s : nat * Z) (dues : list Z) : list Z * (nat * Z) :=
  let '(l, s1) := drain gap (fst s) (snd s) t in
  let '(m, s2) := pass gap t s1 dues in
  (l ++ m, s2).

Fixpoint pending (gap : Z) (waiting : nat) (ready : Z) : list Z :=
  match waiting with O => [] | S w => ready :: pending gap w (ready + gap) end.

Definition free_at (gap : Z) (s : nat * Z) : Z := snd s + Z.of_nat (fst s) * gap.

Lemma pending_more : forall gap w ready, pending gap (S w) ready = pending gap w ready ++ [ready + Z.of_nat w * gap].
Proof.
  induction w as [|w IH]; intros ready.
  - cbn [pending app]. f_equal. lia.
  - change (pending gap (S (S w)) ready) with (ready :: pending gap (S w) (ready + gap)). rewrite IH. cbn [pending app].
    f_equal. f_equal. f_equal. lia.
Qed.

Lemma drain_splits : forall gap w ready t l s,
  0 <= gap -> drain gap w ready t = (l, s) ->
  pending gap w ready = l ++ pending gap (fst s) (snd s) /\ free_at gap s = ready + Z.of_nat w * gap /\
  Forall (fun x => x <= t) l /\ (fst s <> O -> t < snd s).
Proof.
  induction w as [|w IH]; intros ready t l s G H; cbn [drain] in H.
  - inversion H; subst. cbn [fst snd pending app]. unfold free_at; cbn [fst snd]. repeat split; [constructor|lia].
  - destruct (Z.leb_spec ready t) as [L|L].
    + destruct (drain gap w (ready + gap) t) as [l1 s1] eqn:E. inversion H; subst; clear H.
      destruct (IH _ _ _ _ G E) as (A & B & C & D). cbn [pending app]. rewrite A. split; [reflexivity|].
      split; [lia|]. split; [constructor; [lia|exact C]|exact D].
    + inversion H; subst. cbn [fst snd app]. unfold free_at; cbn [fst snd]. repeat split; [constructor|]. lia.
Qed.

Lemma pass_splits : forall dues gap t s l s',
  0 <= gap -> Forall (fun d => d <= t) dues -> (fst s <> O -> t < snd s) -> pass gap t s dues = (l, s') ->
  pending gap (fst s) (snd s) ++ gaps gap (free_at gap s) dues = l ++ pending gap (fst s') (snd s') /\
  free_at gap s' = after gap (free_at gap s) dues /\ Forall (fun x => x <= t) l /\ (fst s' <> O -> t < snd s').
Proof.
  induction dues as [|d more IH]; intros gap t [w ready] l s' G F W H; cbn [pass gaps after] in *.
  - inversion H; subst. cbn [fst snd app]. rewrite app_nil_r. repeat split; [constructor|exact W].
  - inversion F as [|? ? F1 F2]; subst. cbn [fst snd] in *. unfold free_at in *; cbn [fst snd] in *.
    destruct (Z.leb_spec (Z.max d ready) t) as [L|L].
    + assert (w = O). { destruct w; [reflexivity|]. specialize (W ltac:(discriminate)). lia. } subst w.
      destruct (pass gap t (O, Z.max d ready + gap) more) as [l1 s1] eqn:E. inversion H; subst; clear H.
      destruct (IH gap t (O, Z.max d ready + gap) l1 s' G F2 ltac:(cbn [fst snd]; lia) E) as (A & B & C & D).
        cbn [fst snd pending app] in *.
      rewrite !Z.mul_0_l, !Z.add_0_r in *. rewrite A. repeat split; [exact B|constructor; [lia|exact C]|exact D].
    + destruct (IH gap t (S w, ready) l s' G F2 ltac:(cbn [fst snd]; lia) H) as (A & B & C & D). cbn [fst snd] in *.
      assert (X : Z.max d (ready + Z.of_nat w * gap) = ready + Z.of_nat w * gap) by nia. rewrite X.
      rewrite pending_more, <- app_assoc in A. cbn [app] in A.
      replace (ready + Z.of_nat (S w) * gap) with (ready + Z.of_nat w * gap + gap) in * by lia.
      repeat split; [exact A|exact B|exact C|exact D].
Qed.

Lemma pending_late : forall gap w ready t, 0 <= gap -> (w <> O -> t < ready) -> Forall (fun x => t < x) (pending gap w
  ready).
Proof.
  induction w as [|w IH]; intros ready t G W; cbn [pending]; constructor.
  - apply W. discriminate.
  - apply IH; [exact G|]. intros _. specialize (W ltac:(discriminate)). lia.
Qed.

Lemma one_split : forall t l m p q,
  Forall (fun x => x <= t) l -> Forall (fun x => x <= t) m -> Forall (fun x => t < x) p -> Forall (fun x => t < x) q ->
  l ++ p = m ++ q -> l = m /\ p = q.
Proof.
  intros t. induction l as [|x l IH]; intros m p q A B C D E.
  - destruct m as [|y m]; [split; [reflexivity|exact E]|]. cbn [app] in E. subst p. inversion B; inversion C; lia.
  - destruct m as [|y m]; cbn [app] in E.
    + subst q. inversion A; inversion D; lia.
    + inversion E; subst. inversion A; inversion B; subst. destruct (IH m p q) as (-> & ->); try assumption. split;
      reflexivity.
Qed.

Lemma go_splits : forall dues gap t s l s',
  0 <= gap -> Forall (fun d => d <= t) dues -> go gap t s dues = (l, s') ->
  pending gap (fst s) (snd s) ++ gaps gap (free_at gap s) dues = l ++ pending gap (fst s') (snd s') /\
  free_at gap s' = after gap (free_at gap s) dues /\ Forall (fun x => x <= t) l /\ (fst s' <> O -> t < snd s').
Proof.
  intros dues gap t [w ready] l s' G F H. unfold go in H. cbn [fst snd] in *.
  destruct (drain gap w ready t) as [l1 s1] eqn:E1. destruct (pass gap t s1 dues) as [l2 s2] eqn:E2.
  inversion H; subst; clear H. destruct (drain_splits _ _ _ _ _ _ G E1) as (A & B & C & D).
  destruct (pass_splits _ _ _ _ _ _ G F D E2) as (A2 & B2 & C2 & D2). rewrite A, <- !app_assoc.
  unfold free_at at 1. cbn [fst snd]. rewrite <- B, A2. split; [reflexivity|].
  split; [rewrite B2; f_equal; rewrite B; reflexivity|]. split; [apply Forall_app; split; assumption|exact D2].
Qed.

(* DEL-03: what leaves by t is the beginning of the list above, cut at t: what waits is no more and no less. *)
Theorem gap_advance_is_the_law : forall dues gap t ready l s,
  0 <= gap -> Forall (fun d => d <= t) dues -> go gap t (O, ready) dues = (l, s) ->
  exists later, gaps gap ready dues = l ++ later /\ Forall (fun x => x <= t) l /\ Forall (fun x => t < x) later.
Proof.
  intros dues gap t ready l s G F H. destruct (go_splits _ _ _ _ _ _ G F H) as (A & _ & C & D).
  cbn [fst snd pending app] in A. unfold free_at in A; cbn [fst snd] in A. rewrite Z.mul_0_l, Z.add_0_r in A.
  eexists. split; [exact A|]. split; [exact C|]. apply pending_late; assumption.
Qed.

(* DEL-03: with a gap too, advancing to a and then to b gives the pulses of advancing to b. *)
Theorem gap_advance_twice_is_advance_once : forall first then_ gap a b s l1 s1 l2 s2 l s3,
  0 <= gap -> a <= b -> Forall (fun d => d <= a) first -> Forall (fun d => d <= b) then_ ->
  go gap a s first = (l1, s1) -> go gap b s1 then_ = (l2, s2) -> go gap b s (first ++ then_) = (l, s3) -> l = l1 ++ l2.
Proof.
  intros first then_ gap a b s l1 s1 l2 s2 l s3 G L F1 F2 H1 H2 H3.
  assert (gaps_app : forall x y r, gaps gap r (x ++ y) = gaps gap r x ++ gaps gap (after gap r x) y).
  { induction x as [|d x IH]; intros y r; cbn [gaps after app]; [reflexivity|]. rewrite IH. reflexivity. }
  assert (F3 : Forall (fun d => d <= b) (first ++ then_)).
  { apply Forall_app. split; [eapply Forall_impl; [|exact F1]; cbn; intros; lia|exact F2]. }
  destruct (go_splits _ _ _ _ _ _ G F1 H1) as (A1 & B1 & C1 & D1).
  destruct (go_splits _ _ _ _ _ _ G F2 H2) as (A2 & B2 & C2 & D2).
  destruct (go_splits _ _ _ _ _ _ G F3 H3) as (A3 & B3 & C3 & D3).
  rewrite gaps_app, app_assoc, A1, <- app_assoc, <- B1, A2, app_assoc in A3.
  symmetry. apply (one_split b (l1 ++ l2) l _ _) in A3; [apply A3| |exact C3| |].
  - apply Forall_app. split; [eapply Forall_impl; [|exact C1]; cbn; intros; lia|exact C2].
  - apply pending_late; assumption.
  - apply pending_late; assumption.
Qed.

(* ---- Grid: rounded up to a whole multiple ---- *)

Definition grid_at (grid due : Z) : Z := cdiv due grid * grid.

(* DEL-05: on the grid, never before it is due, less than one grid late. *)
Theorem grid_rounds_up : forall grid due,
  1 <= grid -> due <= grid_at grid due < due + grid /\ (grid_at grid due) mod grid = 0.
Proof.
  intros grid due G. unfold grid_at. pose proof (cdiv_spec due grid ltac:(lia)). split; [nia|]. apply Z.mod_mul. lia.
Qed.

(* A step leaves by t exactly if it is due by the last instant of the grid until t (schedule.rs: left_by). *)
Theorem grid_left_by : forall grid due t, 1 <= grid -> (grid_at grid due <= t <-> due <= t - t mod grid).
Proof.
  intros grid due t G. unfold grid_at. pose proof (cdiv_spec due grid ltac:(lia)) as C.
  pose proof (Z.div_mod t grid ltac:(lia)). pose proof (Z.mod_pos_bound t grid ltac:(lia)). split; intros H1.
  - assert (cdiv due grid <= t / grid) by (apply div_ge; lia). nia.
  - assert (cdiv due grid <= t / grid) by (apply cdiv_le; lia). nia.
Qed.

(* delivery.rs: next_on_grid *)
Theorem next_on_grid_is_round_up : forall grid due, 1 <= grid -> ((due - 1) / grid + 1) * grid = grid_at grid due.
Proof.
  intros grid due G. unfold grid_at. f_equal. symmetry. apply cdiv_unique; [lia|].
  pose proof (Z.div_mod (due - 1) grid ltac:(lia)). pose proof (Z.mod_pos_bound (due - 1) grid ltac:(lia)). nia.
Qed.

(* walk.rs, Grid::run: from one instant to the next, mostly by an addition. *)
Definition grid_step (grid at_ due : Z) : Z :=
  if at_ <? due then if at_ + grid <? due then cdiv due grid * grid else at_ + grid else at_.

Fixpoint grid_walk (grid at_ : Z) (dues : list Z) : list Z :=
  match dues with [] => [] | due :: more => let x := grid_step grid at_ due in x :: grid_walk grid x more end.

Theorem grid_walk_rounds_up : forall dues grid,
  1 <= grid -> Forall (fun d => 0 <= d) dues -> StronglySorted Z.le dues -> grid_walk grid 0 dues = map (grid_at grid)
    dues.
Proof.
  assert (G : forall dues grid last, 1 <= grid -> Forall (fun d => last <= d) dues -> StronglySorted Z.le dues ->
              grid_walk grid (grid_at grid last) dues = map (grid_at grid) dues).
  { induction dues as [|d more IH]; intros grid last G F S; cbn [grid_walk map]; [reflexivity|].
    inversion F; inversion S; subst.
    assert (E : grid_step grid (grid_at grid last) d = grid_at grid d).
    { unfold grid_step, grid_at. pose proof (cdiv_spec last grid ltac:(lia)) as C.
      pose proof (cdiv_spec d grid ltac:(lia)) as C2.
      set (p := cdiv last grid) in *. set (q := cdiv d grid) in *.
      destruct (Z.ltb_spec (p * grid) d) as [A|A].
      - destruct (Z.ltb_spec (p * grid + grid) d) as [B|B]; [reflexivity|]. assert (q = p + 1) by nia. nia.
      - assert (q = p) by nia. nia. }
    rewrite E. f_equal. apply IH; assumption. }
  intros dues grid H F S. rewrite <- (G dues grid 0) by assumption. unfold grid_at.
  rewrite (cdiv_unique 0 grid 0) by lia. reflexivity.
Qed.

(* ---- The order of several channels: lanes.rs, Lanes::merge ---- *)

(* The first lane with the least next step. *)
Fixpoint best (lanes : list (list Z)) : option (Z * nat) :=
  match lanes with
  | [] => None
  | [] :: more => match best more with Some (d, i) => Some (d, S i) | None => None end
  | (d :: _) :: more => match best more with Some (e, i) => if d <=? e then Some (d, O) else Some (e,
    S i) | None => Some (d, O) end
  end.

Fixpoint behead (i : nat) (lanes : list (list Z)) : list (list Z) :=
  match lanes, i with
  | [], _ => []
  | l :: more, O => tl l :: more
  | l :: more, S i => l :: behead i more
  end.

Fixpoint merge (fuel : nat) (lanes : list (list Z)) : list (Z * nat) :=
  match fuel with
  | O => []
  | S fuel => match best lanes with Some (d, i) => (d, i) :: merge fuel (behead i lanes) | None => [] end
  end.

Definition all_sorted (lanes : list (list Z)) : Prop := Forall (StronglySorted Z.le) lanes.

(* By due time, and where that is the same by lane. *)
Definition before (x y : Z * nat) : Prop := fst x < fst y \/ (fst x = fst y /\ (snd x <= snd y)%nat).

Lemma best_is_head : forall lanes d i, best lanes = Some (d, i) -> exists l, nth i lanes [] = d :: l.
Proof.
  induction lanes as [|[|x l] more IH]; intros d i H; cbn [best] in H; [discriminate| |].
  - destruct (best more) as [[e j]|] eqn:E; [|discriminate]. inversion H; subst. destruct (IH _ _ eq_refl) as (l & L).
    exists l. exact L.
  - destruct (best more) as [[e j]|] eqn:E; [destruct (x <=? e)|]; inversion H; subst; try (exists l; reflexivity).
    destruct (IH _ _ eq_refl) as (m & L). exists m. exact L.
Qed.

Lemma best_is_first : forall lanes d i,
  all_sorted lanes -> best lanes = Some (d, i) -> forall j x, In x (nth j lanes []) -> before (d, i) (x, j).
Proof.
  induction lanes as [|l more IH]; intros d i A H j x X; [destruct j; contradiction|].
  inversion A as [|? ? A1 A2]; subst. unfold before; cbn [fst snd].
  assert (N : best more = None -> forall j, nth j more [] = []).
  { clear. induction more as [|[|y l] more IH]; intros H j; cbn [best] in H.
    - destruct j; reflexivity.
    - destruct (best more) as [[e k]|]; [discriminate|]. destruct j; [reflexivity|]. apply IH. reflexivity.
    - destruct (best more) as [[e k]|]; [destruct (y <=? e)|]; discriminate. }
  destruct l as [|y l]; cbn [best] in H.
  - destruct (best more) as [[e k]|] eqn:E; [|discriminate]. inversion H; subst. destruct j as [|j]; [contradiction|].
    specialize (IH _ _ A2 eq_refl j x X). unfold before in IH; cbn [fst snd] in IH. lia.
  - assert (Y : j = O -> y <= x).
    { intros ->. cbn [nth] in X. destruct X as [->|X]; [lia|]. inversion A1; subst.
      match goal with F : Forall (Z.le y) l |- _ => rewrite Forall_forall in F; apply F, X end. }
    destruct (best more) as [[e k]|] eqn:E.
    + destruct j as [|j].
      * specialize (Y eq_refl). destruct (Z.leb_spec y e); inversion H; subst; lia.
      * specialize (IH _ _ A2 eq_refl j x X). unfold before in IH; cbn [fst snd] in IH.
        destruct (Z.leb_spec y e); inversion H; subst; lia.
    + inversion H; subst. destruct j as [|j]; [specialize (Y eq_refl); lia|]. cbn [nth] in X.
      rewrite (N eq_refl j) in X. contradiction.
Qed.

Lemma behead_nth : forall lanes i j, nth j (behead i lanes) [] = if Nat.eqb i j then tl (nth j lanes []) else nth j
  lanes [].
Proof.
  induction lanes as [|l more IH]; intros i j; cbn [behead].
  - destruct i, j; cbn; try reflexivity; destruct (Nat.eqb _ _); reflexivity.
  - destruct i, j; cbn [nth Nat.eqb]; try reflexivity. apply IH.
Qed.

Lemma behead_sorted : forall lanes i, all_sorted lanes -> all_sorted (behead i lanes).
Proof.
  induction lanes as [|l more IH]; intros i A; [destruct i; constructor|]. inversion A as [|? ? A1 A2]; subst.
  destruct i; cbn [behead]; constructor; try assumption; [|apply IH; assumption].
  destruct l; cbn [tl]; [constructor|]. inversion A1; assumption.
Qed.

(* DEL-05: steps come by due time; where two are due at once, the earlier channel first. *)
Theorem merged_steps_are_in_order : forall fuel lanes, all_sorted lanes -> StronglySorted before (merge fuel lanes).
Proof.
  assert (I : forall fuel lanes x j, In (x, j) (merge fuel lanes) -> In x (nth j lanes [])).
  { induction fuel as [|f IH]; intros lanes x j H; cbn [merge] in H; [contradiction|].
    destruct (best lanes) as [[d i]|] eqn:E; [|contradiction]. destruct H as [H|H].
    - inversion H; subst. destruct (best_is_head _ _ _ E) as (l & ->). left. reflexivity.
    - specialize (IH _ _ _ H). rewrite behead_nth in IH. destruct (Nat.eqb i j); [|exact IH].
      destruct (nth j lanes []); [contradiction|right; exact IH]. }
  induction fuel as [|f IH]; intros lanes A; cbn [merge]; [constructor|].
  destruct (best lanes) as [[d i]|] eqn:E; [|constructor]. constructor; [apply IH, behead_sorted, A|].
  apply Forall_forall. intros [x j] X. apply (best_is_first lanes d i A E). apply I in X. rewrite behead_nth in X.
  destruct (Nat.eqb i j); [|exact X]. destruct (nth j lanes []); [contradiction|right; exact X].
Qed.

(* And none is lost or made: what comes out of a lane is the lane. *)
Theorem merged_steps_are_those_of_the_lanes : forall fuel lanes j,
  (length (concat lanes) <= fuel)%nat ->
  map fst (filter (fun s => Nat.eqb (snd s) j) (merge fuel lanes)) = nth j lanes [].
Proof.
  assert (L : forall lanes i d l, nth i lanes [] = d :: l -> S (length (concat (behead i lanes))) = length (concat
    lanes)).
  { induction lanes as [|m more IH]; intros i d l H; [destruct i; discriminate|]. destruct i;
    cbn [behead concat nth] in *.
    - subst m. cbn [tl app length]. rewrite !app_length. lia.
    - rewrite !app_length. rewrite <- (IH i d l H). lia. }
  assert (Z0 : forall lanes, best lanes = None -> forall j, nth j lanes [] = []).
  { induction lanes as [|[|y l] more IH]; intros H j; cbn [best] in H.
    - destruct j; reflexivity.
    - destruct (best more) as [[e k]|]; [discriminate|]. destruct j; [reflexivity|]. apply IH. reflexivity.
    - destruct (best more) as [[e k]|]; [destruct (y <=? e)|]; discriminate. }
  induction fuel as [|f IH]; intros lanes j F; cbn [merge].
  - destruct (nth j lanes []) as [|d l] eqn:E; [reflexivity|]. pose proof (L lanes j d l E). lia.
  - destruct (best lanes) as [[d i]|] eqn:E; [|cbn; symmetry; apply Z0, E].
    destruct (best_is_head _ _ _ E) as (l & H). pose proof (L lanes i d l H) as K.
      specialize (IH (behead i lanes) j ltac:(lia)).
    rewrite behead_nth in IH. cbn [filter snd]. destruct (Nat.eqb i j) eqn:X.
    + apply Nat.eqb_eq in X. rewrite X in *. cbn [map fst]. rewrite IH, H. reflexivity.
    + exact IH.
Qed.
