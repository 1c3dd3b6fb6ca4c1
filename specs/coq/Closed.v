(* Every theorem, and that it rests on nothing but the definitions: the gate compares these names with the sources. *)
From Pump Require Law Ramp Basal Segments Cycle Train Release Dues Caps Words.

Definition of_law := (
  Law.never_ahead,
  Law.lag_below_one_step,
  Law.count_never_falls,
  Law.nothing_due_at_the_beginning,
  Law.due_time_is_one,
  Law.lag_below_one_microsecond,
  Law.due_by_iff_counted,
  Law.due_times_never_fall,
  Law.every_earned_step_has_a_due_time,
  Law.due_time_in_closed_form,
  Law.same_rates_same_counts,
  Law.same_rates_same_due_times).
Print Assumptions of_law.

Definition of_ramp := (
  Ramp.basal_stands,
  Ramp.train_stands,
  Ramp.walk_refines_the_closed_form,
  Ramp.any_number_of_walks,
  Ramp.walk_keeps_the_invariant,
  Ramp.walk_on_words,
  Ramp.no_walk_on_words,
  Ramp.last_is_the_step_before,
  Ramp.rest_is_what_is_left_over,
  Ramp.same_rate_again_changes_nothing,
  Ramp.advance_twice_is_advance_once).
Print Assumptions of_ramp.

Definition of_basal := (
  Basal.the_walk_is_the_law,
  Basal.same_programme_same_steps,
  Basal.carried_remainder_is_exact,
  Basal.every_walk_ends).
Print Assumptions of_basal.

Definition of_segments := (
  Segments.sum_over_segments_is_the_integral,
  Segments.closed_form_counts_the_law,
  Segments.programme_earns_the_integral,
  Segments.programme_says_when_steps_are_due,
  Segments.schedule_is_the_law).
Print Assumptions of_segments.

Definition of_cycle := (
  Cycle.cycle_earns_the_integral,
  Cycle.cycle_says_when_steps_are_due).
Print Assumptions of_cycle.

Definition of_train := (
  Train.train_earns_evenly,
  Train.train_count_is_the_law,
  Train.train_due_is_the_law,
  Train.a_train_delivers_exactly_its_amount,
  Train.a_train_never_has_more_than_its_steps,
  Train.train_steps_lie_within,
  Train.the_last_step_is_due_at_the_end,
  Train.the_kernel_knows_just_its_steps,
  Train.train_walk_is_the_law,
  Train.cancel_splits_exactly,
  Train.a_cancel_delivers_just_what_was_due).
Print Assumptions of_train.

Definition of_release := (
  Release.gap_never_before_due,
  Release.gap_is_kept,
  Release.gap_is_the_earliest,
  Release.nothing_waits_where_steps_are_apart,
  Release.gap_advance_is_the_law,
  Release.gap_advance_twice_is_advance_once,
  Release.grid_rounds_up,
  Release.grid_left_by,
  Release.next_on_grid_is_round_up,
  Release.grid_walk_rounds_up,
  Release.merged_steps_are_in_order,
  Release.merged_steps_are_those_of_the_lanes).
Print Assumptions of_release.

Definition of_dues := (
  Dues.fixed_point_is_exact,
  Dues.a_stretch_is_a_walk).
Print Assumptions of_dues.

Definition of_caps := (
  Caps.never_under_counts,
  Caps.over_counts_by_less_than_a_bucket,
  Caps.booking_is_exact_while_no_bucket_is_full,
  Caps.admission_keeps_the_cap,
  Caps.the_windows_are_an_hour_and_a_day,
  Caps.no_window_exceeds_its_cap).
Print Assumptions of_caps.

Definition of_words := (
  Words.step_in_fine_units_fits,
  Words.basal_fits,
  Words.walk_fits,
  Words.rest_fits,
  Words.train_fits,
  Words.steps_of_an_amount,
  Words.closed_form_fits,
  Words.stretch_fits,
  Words.cut_stretch_fits,
  Words.release_fits).
Print Assumptions of_words.
