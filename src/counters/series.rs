//! Series that come and go with what they count.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::TypedMetric;

/// Counters of things that have a name. Each lasts for as long as anybody holds on to it, so that what a reload took out
/// of the configuration is soon not shown.
#[derive(Debug)]
pub(super) struct ByName<T>(Mutex<HashMap<Box<str>, Weak<T>>>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> ByName<T> {
    /// The counters of `name`; the same ones for all who hold them at once.
    pub(super) fn get(&self, name: &str, new: impl FnOnce() -> T) -> Arc<T> {
        let mut all = lock(&self.0);
        if let Some(known) = all.get(name).and_then(Weak::upgrade) {
            return known;
        }
        // Names that nobody holds are let go before the map would grow.
        if all.len() == all.capacity() {
            all.retain(|_, counters| counters.strong_count() > 0);
        }
        let counters = Arc::new(new());
        all.insert(name.into(), Arc::downgrade(&counters));
        counters
    }

    /// How many names there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        lock(&self.0).capacity()
    }

    /// Those that anybody holds.
    pub(super) fn all(&self) -> Vec<Arc<T>> {
        lock(&self.0).values().filter_map(Weak::upgrade).collect()
    }
}

/// The series of one metric that somebody counts, by their labels.
#[derive(Debug)]
pub(super) struct Series<L, M>(Mutex<HashMap<L, M>>);

impl<L, M> Default for Series<L, M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<L: Eq + Hash + EncodeLabelSet, M: Clone + Default + EncodeMetric + TypedMetric> Series<L, M> {
    /// The series with these labels, made if need be.
    pub(super) fn get(&self, labels: L) -> M {
        lock(&self.0).entry(labels).or_default().clone()
    }

    /// The series with these labels, if there is one.
    pub(super) fn find(&self, labels: &L) -> Option<M> {
        lock(&self.0).get(labels).cloned()
    }

    /// Keeps the series with these labels, made if need be, and no other.
    pub(super) fn keep(&self, labels: impl Iterator<Item = L>) {
        let mut series = lock(&self.0);
        let mut before = std::mem::take(&mut *series);
        series.extend(labels.map(|labels| {
            let kept = before.remove(&labels).unwrap_or_default();
            (labels, kept)
        }));
    }

    fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    fn encode(&self, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        for (labels, series) in lock(&self.0).iter() {
            series.encode(metric.encode_family(labels)?)?;
        }
        Ok(())
    }
}

/// Adds one metric: the series that each of `all` has of it, if any has one.
pub(super) fn metric<T, L, M>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    all: &[Arc<T>],
    series: impl Fn(&T) -> &Series<L, M>,
) -> fmt::Result
where
    L: Eq + Hash + EncodeLabelSet,
    M: Clone + Default + EncodeMetric + TypedMetric,
{
    if all.iter().all(|counters| series(counters).is_empty()) {
        return Ok(());
    }
    let mut encoder = to.encode_descriptor(name, help, None, M::TYPE)?;
    all.iter().try_for_each(|counters| series(counters).encode(&mut encoder))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
