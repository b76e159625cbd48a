//! The tree against the published vectors and an independent implementation; notes, checkpoints
//! and bundles against known answers and every way to tamper with them.

#[cfg(test)]
mod bundles;
#[cfg(test)]
mod checkpoints;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod known_answers;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod properties;
