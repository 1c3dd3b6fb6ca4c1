(* The basal channel as the engine drives it (kernel-rs/core/src/delivery.rs: set_rate, advance; schedule.rs: drive): a
   ramp while the rate is above zero, the bare rest of a step while it is zero. For every finite list of commands, each
   "set this rate, then advance so long", it does what the law says. *)

From Coq Require Import ZArith Lia List.
From Pump Require Import Law Ramp.
Import ListNotations.
Open Scope Z_scope.

Inductive stream := Idle (rest : Z) | Going (r : ramp).

(* Delivery::rest_fine *)
Definition rest_at (step now : Z) (s : stream) : Z :=
  match s with Idle rest => rest | Going r => rest_of step now r end.

(* Delivery::set_rate, restart_basal *)
Definition set_rate (step now rate : Z) (s : stream) : stream :=
  if rate =? 0 then Idle (rest_at step now s) else Going (basal now step rate (rest_at step now s)).

(* Delivery::advance *)
Definition advance (fuel : nat) (until : Z) (s : stream) : option (list Z * stream) :=
  match s with
  | Idle rest => Some ([], s)
  | Going r => match run fuel r until with Some (l, r') => Some (l, Going r') | None => None end
  end.

(* A command is a rate and how long to advance at it; 0 is allowed, and so is the rate that is in force. *)
Fixpoint play (fuel : nat) (step now : Z) (s : stream) (commands : list (Z * Z)) : option (list Z * stream) :=
  match commands with
  | [] => Some ([], s)
  | (rate, span) :: more =>
      match advance fuel (now + span) (set_rate step now rate s) with
      | None => None
      | Some (l, s1) =>
          match play fuel step (now + span) s1 more with
          | None => None
          | Some (l', s2) => Some (l ++ l', s2)
          end
      end
  end.

Definition allowed (commands : list (Z * Z)) : Prop := Forall (fun c => 0 <= fst c /\ 0 <= snd c) commands.

Fixpoint total_span (commands : list (Z * Z)) : Z :=
  match commands with [] => 0 | (_, span) :: more => span + total_span more end.

(* The rate in force in each microsecond, as the commands say it. *)
Fixpoint rate_by (now : Z) (commands : list (Z * Z)) (u : Z) : Z :=
  match commands with
  | [] => 0
  | (rate, span) :: more => if u <? now + span then rate else rate_by (now + span) more u
  end.

Lemma total_span_nonneg : forall commands, allowed commands -> 0 <= total_span commands.
Proof.
  induction commands as [|[r s] l IH]; intros A; cbn [total_span]; [lia|]. inversion A; subst; cbn in *.
  specialize (IH ltac:(assumption)). lia.
Qed.

Lemma rate_by_nonneg : forall commands now u, allowed commands -> 0 <= rate_by now commands u.
Proof.
  induction commands as [|[r s] l IH]; intros now u A; cbn [rate_by]; [lia|]. inversion A; subst; cbn in *.
  destruct (u <? now + s); [lia|]. apply IH. assumption.
Qed.

(* What is true between two commands. *)
Definition fit (step now : Z) (s : stream) : Prop :=
  0 <= rest_at step now s < step /\ match s with Idle _ => True | Going r => sound step r end.

Section Play.
  Variable rate : Z -> Z.
  Hypothesis rate_nonneg : forall u, 0 <= rate u.
  Variables step from : Z.
  Hypothesis step_pos : 1 <= step.

  Fixpoint follows (now : Z) (commands : list (Z * Z)) : Prop :=
    match commands with
    | [] => True
    | (r, span) :: more => (forall u, now <= u < now + span -> rate u = r) /\ follows (now + span) more
    end.

  Lemma set_rate_fits : forall now r s,
    0 <= r -> fit step now s -> fit step now (set_rate step now r s) /\
    rest_at step now (set_rate step now r s) = rest_at step now s /\
    match set_rate step now r s with Idle _ => r = 0 | Going q => 0 < r /\ den q = r end.
  Proof.
    intros now r s P (B & _). unfold set_rate, fit. destruct (Z.eqb_spec r 0) as [->|N]; cbn [rest_at].
    - repeat split; lia.
    - pose proof (basal_stands now step r (rest_at step now s) ltac:(lia)) as S.
      assert (E : rest_of step now (basal now step r (rest_at step now s)) = rest_at step now s).
      { rewrite (rest_is_what_is_left_over _ _ _ _ _ _ now S). lia. }
      rewrite E. split; [split; [exact B|exact (stands_sound _ _ _ _ _ _ S)]|]. split; [reflexivity|].
      cbn [basal den]. unfold basal; cbn [den]. lia.
  Qed.

  (* One command: the steps are those that the law makes due in its span. *)
  Lemma advance_is_the_law : forall fuel now until s n l s',
    from <= now <= until -> fit step now s -> 0 <= n ->
    (forall u, now <= u < until -> rate u = match s with Idle _ => 0 | Going r => den r end) ->
    earned rate from now = step * n + rest_at step now s ->
    advance fuel until s = Some (l, s') ->
    fit step until s' /\ earned rate from until = step * (n + Z.of_nat (length l)) + rest_at step until s' /\
    forall j, (j < length l)%nat -> is_due rate step from (n + Z.of_nat j + 1) (nth j l 0) /\ now < nth j l 0 <= until.
  Proof.
    intros fuel now until s n l s' T (B & S) N R E H. destruct s as [rest|r]; cbn [advance rest_at] in *.
    - inversion H; subst; clear H. cbn [length rest_at]. unfold fit; cbn [rest_at].
      split; [split; [exact B|exact I]|]. split; [|intros j J; lia].
      rewrite (earned_split rate from now until) by lia. rewrite (earned_const rate 0 now until) by (lia || exact R).
        lia.
    - destruct (run fuel r until) as [[l1 r1]|] eqn:F; [|discriminate]. inversion H; subst; clear H. cbn [rest_at].
      assert (P : 0 < den r) by (destruct S; assumption).
      assert (L : rest_of step until r = rest_of step now r + (until - now) * den r) by apply rest_of_later.
      destruct (run_takes fuel step r now until l r1 step_pos S ltac:(nia) F) as (S1 & D1 & B1 & E1 & V).
      split; [split; assumption|].
      assert (EU : earned rate from until = earned rate from now + den r * (until - now)).
      { rewrite (earned_split rate from now until) by lia. rewrite (earned_const rate (den r) now until) by (lia ||
        exact R). lia. }
      split; [nia|]. intros j J. destruct (V j J) as (V1 & V2).
      assert (X : earned rate from now < (n + Z.of_nat j + 1) * step <= earned rate from now + den r * (until - now)).
      { assert ((Z.of_nat j + 1) * step <= Z.of_nat (length l) * step) by (apply Z.mul_le_mono_nonneg_r; lia). nia. }
      pose proof (due_time_in_closed_form rate rate_nonneg step from step_pos now until (den r) (n + Z.of_nat j + 1)
                    ltac:(lia) P R X) as K.
      replace ((n + Z.of_nat j + 1) * step - earned rate from now) with ((Z.of_nat j + 1) * step - rest_of step now r)
        in K by lia.
      rewrite <- V1 in K. split; [exact K|]. split; [|exact V2].
      rewrite V1. pose proof (cdiv_spec ((Z.of_nat j + 1) * step - rest_of step now r) (den r) P). nia.
  Qed.

  Lemma play_is_the_law : forall commands fuel now s n l s',
    from <= now -> allowed commands -> follows now commands -> fit step now s -> 0 <= n ->
    earned rate from now = step * n + rest_at step now s ->
    play fuel step now s commands = Some (l, s') ->
    let until := now + total_span commands in
    fit step until s' /\ earned rate from until = step * (n + Z.of_nat (length l)) + rest_at step until s' /\
    forall j, (j < length l)%nat -> is_due rate step from (n + Z.of_nat j + 1) (nth j l 0) /\ now < nth j l 0 <= until.
  Proof.
    induction commands as [|[r span] more IH]; intros fuel now s n l s' T A F S N E H;
      cbn [play total_span follows] in *.
    - inversion H; subst. rewrite Z.add_0_r. cbn [length]. rewrite Z.add_0_r. repeat split; try apply S; try lia;
      intros; lia.
    - destruct F as (F1 & F2). inversion A as [|? ? (A1 & A2) A3]; subst; cbn [fst snd] in *.
      pose proof (total_span_nonneg more A3) as M.
      destruct (advance fuel (now + span) (set_rate step now r s)) as [[l1 s1]|] eqn:H1; [|discriminate].
      destruct (play fuel step (now + span) s1 more) as [[l2 s2]|] eqn:H2; [|discriminate]. inversion H; subst; clear H.
      destruct (set_rate_fits now r s A1 S) as (S1 & E1 & D1).
      destruct (advance_is_the_law fuel now (now + span) _ n l1 s1 ltac:(lia) S1 N) as (S2 & E2 & V2); [|lia|exact H1|].
      { intros u U. rewrite (F1 u U). destruct (set_rate step now r s); lia. }
      destruct (IH fuel (now + span) s1 (n + Z.of_nat (length l1)) l2 s' ltac:(lia) A3 F2 S2 ltac:(lia) E2 H2) as (S3
        & E3 & V3).
      replace (now + (span + total_span more)) with (now + span + total_span more) by lia.
      split; [exact S3|]. rewrite app_length. split; [lia|]. intros j J.
      destruct (Nat.lt_ge_cases j (length l1)) as [X|X].
      + rewrite app_nth1 by exact X. destruct (V2 j X) as (V & W). split; [exact V|lia].
      + rewrite app_nth2 by exact X. destruct (V3 (j - length l1)%nat ltac:(lia)) as (V & W).
        replace (n + Z.of_nat (length l1) + Z.of_nat (j - length l1) + 1) with (n + Z.of_nat j + 1) in V by lia.
        split; [exact V|lia].
  Qed.
End Play.

Lemma follows_rate_by : forall commands now, allowed commands -> follows (rate_by now commands) now commands.
Proof.
  assert (G : forall commands f now, allowed commands ->
              (forall u, now <= u < now + total_span commands -> f u = rate_by now commands u) -> follows f now
                commands).
  { induction commands as [|[r s] more IH]; intros f now A H; cbn [follows rate_by total_span] in *; [exact I|].
    inversion A as [|? ? (A1 & A2) A3]; subst; cbn [fst snd] in *. pose proof (total_span_nonneg more A3). split.
    - intros u U. rewrite H by lia. destruct (Z.ltb_spec u (now + s)); [reflexivity|lia].
    - apply IH; [exact A3|]. intros u U. rewrite H by lia. destruct (Z.ltb_spec u (now + s)); [lia|reflexivity]. }
  intros commands now A. apply G; [exact A|reflexivity].
Qed.

Lemma start_fits : forall step now, 1 <= step -> fit step now (Idle 0).
Proof. intros. unfold fit; cbn. lia. Qed.

(* ---- The theorems: every list of commands, every step size, every beginning ---- *)

(* DEL-01: the engine has taken exactly the steps that the law counts, each at its due time, and carries exactly what is
   left over. *)
Theorem the_walk_is_the_law : forall commands fuel step from l s,
  1 <= step -> allowed commands -> play fuel step from (Idle 0) commands = Some (l, s) ->
  let rate := rate_by from commands in
  let until := from + total_span commands in
  Z.of_nat (length l) = count rate step from until /\ rest_at step until s = earned rate from until mod step /\
  forall j, (j < length l)%nat -> is_due rate step from (Z.of_nat j + 1) (nth j l 0) /\ from < nth j l 0 <= until.
Proof.
  intros commands fuel step from l s P A H rate until.
  destruct (play_is_the_law rate (fun u => rate_by_nonneg commands from u A) step from P commands fuel from (Idle 0) 0
    l s
              ltac:(lia) A (follows_rate_by commands from A) (start_fits step from P) ltac:(lia)
              ltac:(rewrite earned_begin by lia; cbn; lia) H) as (S & E & V).
  fold until in S, E, V. destruct S as (B & _). split; [|split].
  - unfold count. symmetry. apply div_is; lia.
  - apply Z.mod_unique with (q := Z.of_nat (length l)); lia.
  - intros j J. destruct (V j J) as (X & Y). split; [exact X|exact Y].
Qed.

(* DEL-03: two lists of commands with the same rate in every microsecond take the same steps: time may be cut anywhere,
   a rate may be issued again at any instants and any number of times, segments may be split or merged. *)
Theorem same_programme_same_steps : forall one other f g step from l m s t,
  1 <= step -> allowed one -> allowed other -> total_span one = total_span other ->
  (forall u, from <= u < from + total_span one -> rate_by from one u = rate_by from other u) ->
  play f step from (Idle 0) one = Some (l, s) -> play g step from (Idle 0) other = Some (m, t) ->
  l = m /\ rest_at step (from + total_span one) s = rest_at step (from + total_span one) t.
Proof.
  intros one other f g step from l m s t P A1 A2 T R H1 H2.
  destruct (the_walk_is_the_law one f step from l s P A1 H1) as (L1 & E1 & V1).
  destruct (the_walk_is_the_law other g step from m t P A2 H2) as (L2 & E2 & V2).
  rewrite <- T in L2, E2. assert (Q : length l = length m).
  { apply Nat2Z.inj. rewrite L1, L2. apply same_rates_same_counts, R. }
  split.
  - apply (nth_ext l m 0 0 Q). intros j J. destruct (V1 j J) as (D1 & B1). destruct (V2 j ltac:(lia)) as (D2 & B2).
    refine (due_time_is_one _ step from _ _ _ D1 _).
    refine (proj2 (same_rates_same_due_times _ _ step from _ _ _) D2).
    intros u U. apply R. lia.
  - rewrite E1, E2. f_equal. apply earned_ext, R.
Qed.

(* The carried remainder: what one advance leaves over, the next one finds. Any cutting of one rate adds up. *)
Fixpoint earn (step : Z) (state : Z * Z) (amounts : list Z) : Z * Z :=
  match amounts with
  | [] => state
  | amount :: more => earn step (fst state + (snd state + amount) / step, (snd state + amount) mod step) more
  end.

Theorem carried_remainder_is_exact : forall amounts step n rest,
  1 <= step -> 0 <= rest < step ->
  let sum := fold_right Z.add 0 amounts in
  earn step (n, rest) amounts = (n + (rest + sum) / step, (rest + sum) mod step).
Proof.
  induction amounts as [|a more IH]; intros step n rest P R; cbn [earn fold_right fst snd].
  - rewrite Z.add_0_r, Z.div_small, Z.mod_small by lia. f_equal. lia.
  - rewrite IH; [|exact P|apply Z.mod_pos_bound; lia]. f_equal.
    + replace (rest + (a + fold_right Z.add 0 more)) with ((rest + a) + fold_right Z.add 0 more) by lia.
      pose proof (Z.div_mod (rest + a) step ltac:(lia)) as E. set (q := (rest + a) / step) in *.
      set (m := (rest + a) mod step) in *.
      replace (rest + a + fold_right Z.add 0 more) with (m + fold_right Z.add 0 more + q * step) by lia.
      rewrite Z.div_add by lia. lia.
    + rewrite Zplus_mod_idemp_l. f_equal. lia.
Qed.

(* Every walk ends: with enough fuel there is an answer, and then any more fuel gives the same. *)
Theorem every_walk_ends : forall commands step now s,
  1 <= step -> allowed commands -> fit step now s -> exists fuel, play fuel step now s commands <> None.
Proof.
  assert (more : forall f g r b l r', run f r b = Some (l, r') -> run (f + g) r b = Some (l, r')).
  { induction f as [|f IH]; intros g r b l r' H; cbn [run Nat.add] in *; [discriminate|].
    destruct (next r <=? b); [|exact H].
    destruct (run f (walk r) b) as [[l1 r1]|] eqn:E; [|discriminate]. rewrite (IH g _ _ _ _ E). exact H. }
  assert (more2 : forall commands f g step now s r, play f step now s commands = Some r ->
                                                    play (f + g) step now s commands = Some r).
  { assert (m1 : forall f g t s r, advance f t s = Some r -> advance (f + g) t s = Some r).
    { intros f g t [rest|q] r H; cbn [advance] in *; [exact H|].
      destruct (run f q t) as [[l1 r1]|] eqn:E; [|discriminate]. rewrite (more f g _ _ _ _ E). exact H. }
    induction commands as [|[r span] l IH]; intros f g step now s q H; cbn [play] in *; [exact H|].
    destruct (advance f (now + span) (set_rate step now r s)) as [[l1 s1]|] eqn:E1; [|discriminate].
    rewrite (m1 _ g _ _ _ E1). destruct (play f step (now + span) s1 l) as [[l2 s2]|] eqn:E2; [|discriminate].
    rewrite (IH f g _ _ _ _ E2). exact H. }
  induction commands as [|[r span] l IH]; intros step now s P A F.
  - exists O. discriminate.
  - inversion A as [|? ? (A1 & A2) A3]; subst; cbn [fst snd] in *.
    destruct (set_rate_fits step now r s A1 F) as (S1 & E1 & D1).
    assert (X : exists f l1 s1, advance f (now + span) (set_rate step now r s) = Some (l1,
      s1) /\ fit step (now + span) s1).
    { destruct (set_rate step now r s) as [rest|q] eqn:Q; cbn [advance].
      - exists O, [], (Idle rest). split; [reflexivity|]. destruct S1 as (B & _). split; [exact B|exact I].
      - destruct S1 as (B & S1). destruct D1 as (D1 & D2). cbn [rest_at] in *.
        assert (L : rest_of step (now + span) q = rest_of step now q + (now + span - now) * den q) by apply
          rest_of_later.
        set (f := Z.to_nat (rest_of step (now + span) q + 1)).
        pose proof (run_ends f step q (now + span) P S1 ltac:(unfold f; nia)) as N.
        destruct (run (S f) q (now + span)) as [[l1 r1]|] eqn:R; [|congruence].
        exists (S f), l1, (Going r1). rewrite R. split; [reflexivity|].
        destruct (run_takes _ step q now (now + span) l1 r1 P S1 ltac:(nia) R) as (U1 & U2 & U3 & _). split;
          [exact U3|exact U1]. }
    destruct X as (f & l1 & s1 & X1 & X2). destruct (IH step (now + span) s1 P A3 X2) as (g & G).
    exists (f + g)%nat. cbn [play]. assert (Y : advance (f + g) (now + span) (set_rate step now r s) = Some (l1, s1)).
    { destruct (set_rate step now r s) as [rest|q]; cbn [advance] in *; [exact X1|].
      destruct (run f q (now + span)) as [[l2 r2]|] eqn:E; [|discriminate]. rewrite (more f g _ _ _ _ E). exact X1. }
    rewrite Y. destruct (play g step (now + span) s1 l) as [[l2 s2]|] eqn:E; [|congruence].
    rewrite Nat.add_comm. rewrite (more2 _ _ f _ _ _ _ E). discriminate.
Qed.
