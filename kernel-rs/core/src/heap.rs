//! Many trains in the order of their next steps: a heap, in which each lane is before the four below it.
//!
//! Below place `p` are the places `4 p + 1` to `4 p + 4`. Both ways of mending it move one lane along one line from the
//! top to the bottom, so they take as many turns as there are levels: nine for a hundred thousand lanes.

use crate::walk::PlanLane;

/// How many lanes are below one.
pub(crate) const WAYS: usize = 4;
const _: () = assert!(WAYS == 1 << 2, "a shift by two leads up");

/// Mends a heap after its last lane has come.
pub(crate) fn rise(heap: &mut [PlanLane]) {
    let Some(&moved) = heap.last() else { return };
    let mut at = heap.len().saturating_sub(1);
    // Bounded: each turn goes up a level.
    while at > 0 {
        let up = at.saturating_sub(1) >> 2;
        let Some((above, below)) = pair(heap, up, at) else { break };
        if moved.key() >= above.key() {
            break;
        }
        *below = *above;
        at = up;
    }
    put(heap, at, moved);
}

/// Mends a heap after its first lane has changed to one that is later.
pub(crate) fn fall(heap: &mut [PlanLane]) {
    let Some(&moved) = heap.first() else { return };
    let (mut at, key) = (0_usize, moved.key());
    // Bounded: each turn goes down a level.
    loop {
        // Neither wraps because lanes are longer than eight bytes.
        let below = at.wrapping_mul(WAYS).wrapping_add(1);
        let Some((front, back)) = heap.split_at_mut_checked(below) else { break };
        let offset = match back.first_chunk::<WAYS>() {
            Some(four) => least_of_four(four.each_ref().map(PlanLane::key)).0,
            None => least_of_few(back),
        };
        let (Some(above), Some(lane)) = (front.get_mut(at), back.get(offset)) else { break };
        if lane.key() >= key {
            break;
        }
        *above = *lane;
        at = below.wrapping_add(offset);
    }
    put(heap, at, moved);
}

/// Which of four is least (the first of those that are), and that: without a branch.
#[inline]
pub(crate) fn least_of_four<K: Ord + Copy>([a, b, c, d]: [K; WAYS]) -> (usize, K) {
    let (left, right) = (usize::from(b < a), usize::from(d < c));
    let (one, other) = (a.min(b), c.min(d));
    if other < one { (right | 2, other) } else { (left, one) }
}

/// Which of fewer than four lanes is the first.
#[inline(never)]
fn least_of_few(lanes: &[PlanLane]) -> usize {
    let (mut first, mut least) = (0, u128::MAX);
    for (offset, key) in lanes.iter().map(PlanLane::key).enumerate() {
        if key < least {
            (first, least) = (offset, key);
        }
    }
    first
}

/// Two places, of which the first is before the other.
#[inline]
fn pair(heap: &mut [PlanLane], one: usize, other: usize) -> Option<(&mut PlanLane, &mut PlanLane)> {
    let (front, back) = heap.split_at_mut_checked(other)?;
    Some((front.get_mut(one)?, back.first_mut()?))
}

fn put(heap: &mut [PlanLane], at: usize, lane: PlanLane) {
    if let Some(place) = heap.get_mut(at) {
        *place = lane;
    }
}
