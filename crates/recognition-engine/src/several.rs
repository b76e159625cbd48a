//! At least one of something: most contracts have one of what a combined one has several of, which is then
//! no list to be allocated.

use serde::{Deserialize, Serialize};

/// One, or more in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtLeastOne<T> {
    first: T,
    more: Vec<T>,
}

impl<T> AtLeastOne<T> {
    /// One.
    pub const fn of(first: T) -> Self {
        Self { first, more: Vec::new() }
    }

    /// The first.
    pub const fn first(&self) -> &T {
        &self.first
    }

    /// The first, to be changed.
    pub const fn first_mut(&mut self) -> &mut T {
        &mut self.first
    }

    /// Those after the first.
    pub fn more(&self) -> &[T] {
        &self.more
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// All, in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        std::iter::once(&mut self.first).chain(&mut self.more)
    }

    /// Adds one after the others.
    pub fn push(&mut self, one: T) {
        self.more.push(one);
    }

    /// Adds others after these.
    pub fn append(&mut self, others: Self) {
        self.more.push(others.first);
        self.more.extend(others.more);
    }
}
