//! Goal: a snapshot is restored exactly or refused; no bytes whatever make the kernel panic or restore a false engine.
//! Method: every bit of a full engine's snapshot flipped, every length, and random fields under a checksum that matches.

mod common;

use common::Log;
use proptest::prelude::*;
use pumpcore_kernel::snapshot::{BYTES_MOST, Damage, VERSION, crc32};
use pumpcore_kernel::{Actuator, Delivery, Error, Kind};

/// An engine with as much in it as there is room for.
fn full() -> Delivery {
    let pump = Actuator::new(50_000, 3_000_000, 0).unwrap();
    let mut engine = Delivery::new(pump, 0, Some(5_000_000), Some(20_000_000)).unwrap();
    engine.set_rate(1_234_567).unwrap();
    for later_us in 1..=7 {
        let kind = if later_us % 2 == 0 { Kind::Bolus } else { Kind::Extended };
        engine.start_train(kind, later_us * 1_000, 500_000 * later_us, 12 * 50_000).unwrap();
    }
    engine.advance(3_000_000, &mut Log::default()).unwrap();
    engine
}

fn refused(bytes: &[u8]) -> Damage {
    match Delivery::restore(bytes) {
        Err(Error::Snapshot(damage)) => damage,
        other => panic!("restored or refused otherwise: {other:?}"),
    }
}

/// The same bytes with the checksum that matches them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 4;
    let crc = crc32(&bytes[..body]).to_le_bytes();
    bytes[body..].copy_from_slice(&crc);
    bytes
}

#[test]
fn the_checksum_is_the_common_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn a_full_engine_fits() {
    let engine = full();
    let waiting: u64 = engine.progress().map(|progress| progress.waiting_steps).sum();
    assert!(waiting > 60, "{waiting}");
    let snapshot = engine.snapshot();
    assert!(snapshot.as_bytes().len() <= BYTES_MOST);
    let mut restored = Delivery::restore(snapshot.as_bytes()).unwrap();
    assert_eq!(restored.snapshot(), snapshot);
    let (mut ours, mut theirs) = (Log::default(), Log::default());
    full().advance(1_000_000_000, &mut ours).unwrap();
    restored.advance(1_000_000_000, &mut theirs).unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn every_flipped_bit_is_found() {
    let snapshot = full().snapshot();
    let mut bytes = snapshot.as_bytes().to_vec();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(&bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_other_length_is_refused() {
    let bytes = full().snapshot().as_bytes().to_vec();
    for len in 0..bytes.len() {
        refused(&bytes[..len]);
    }
    // Cut short or made longer, and sealed again: the fields no longer add up.
    for len in 6..bytes.len() {
        refused(&sealed(bytes[..len].to_vec()));
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(refused(&sealed(longer.clone())), Damage::Length { found: longer.len() });
}

#[test]
fn another_version_and_another_file_are_named() {
    let mut bytes = full().snapshot().as_bytes().to_vec();
    bytes[4] = 2;
    assert_eq!(refused(&sealed(bytes.clone())), Damage::Version { found: 2 });
    assert_ne!(VERSION, 2);
    bytes[0] = b'X';
    assert_eq!(refused(&bytes), Damage::NoSnapshot);
    assert_eq!(refused(b"not a snapshot at all"), Damage::NoSnapshot);
    assert_eq!(refused(b"PCK"), Damage::Length { found: 3 });
}

proptest! {
    /// Bytes under a matching checksum come from a newer writer's bug or from malice: they are refused, or they are an
    /// engine that keeps every promise.
    #[test]
    fn forged_bytes_are_refused_or_sound(
        edits in prop::collection::vec((6..340_usize, any::<u8>()), 1..4),
        span_us in 0..4_000_000_000_u64,
    ) {
        let mut bytes = full().snapshot().as_bytes().to_vec();
        for (place, value) in edits {
            bytes[place] = value;
        }
        if let Ok(mut engine) = Delivery::restore(&sealed(bytes)) {
            let again = Delivery::restore(engine.snapshot().as_bytes()).unwrap();
            prop_assert_eq!(again.snapshot(), engine.snapshot());
            for progress in engine.progress().filter(|progress| progress.id != 0) {
                let due = progress.delivered_steps + progress.missed_steps + progress.waiting_steps;
                prop_assert!(due <= progress.programmed_steps);
            }
            let mut log = Log::default();
            let now_us = engine.now_us();
            if engine.advance((now_us + span_us).min(10_000_000_000_000_000), &mut log).is_ok() {
                prop_assert!(log.pulses.iter().all(|pulse| pulse.at_us > now_us));
            }
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        refused(&bytes);
    }
}

#[test]
fn fields_that_contradict_the_law_are_refused_by_name() {
    const REST: usize = 4 + 2 + 4 + 8 + 8 + 8 + 4;
    const DELIVERED: usize = REST + 8 + 8 + 8 + 3 * 8 + 1 + 1 + 4 + 8 + 8 + 4;
    let good = full().snapshot().as_bytes().to_vec();
    let number = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap());
    let with = |at: usize, value: u64| {
        let mut bytes = good.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        refused(&sealed(bytes))
    };
    // A whole step earned and not due; a train of which one step is nowhere, or one too many is.
    let step_fine = 50_000 * 3_600_000_000;
    assert_eq!(with(REST, step_fine), Damage::Field { name: "rest_fine" });
    assert!(Delivery::restore(&good).unwrap().progress().any(|progress| progress.delivered_steps > 0));
    assert_eq!(with(DELIVERED, number(DELIVERED) + 1), Damage::Field { name: "trains.steps" });
    let missed = DELIVERED + 8;
    assert_eq!(with(missed, number(missed) + 1), Damage::Field { name: "trains.steps" });
    let waiting = DELIVERED + 16;
    assert_eq!(with(waiting, number(waiting) - 1), Damage::Field { name: "trains.steps" });
}
