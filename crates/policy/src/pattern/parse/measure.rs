//! How large and how deep Go finds a piece of a pattern: it refuses what is over its limits.
//!
//! Go joins neighbouring literals, and factors the common beginnings of alternatives out, which makes its tree
//! deeper or flatter than ours; so a height is known from below and from above. Over the limit for certain is
//! refused, and in between is not judged.

/// The greatest height of a tree that Go takes.
pub(super) const MAX_HEIGHT: u32 = 1000;

/// The greatest size of a program, in instructions, that Go takes.
pub(super) const MAX_SIZE: u64 = (128 << 20) / 40;

/// The greatest product of nested counts that Go takes.
pub(super) const MAX_COPIES: u64 = 1000;

/// What is known of a piece.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    /// Go's tree is at least so high.
    pub(super) low: u32,
    /// Go's tree is at most so high.
    pub(super) high: u32,
    /// How deep our own tree is.
    pub(super) depth: u32,
    /// At most so many instructions.
    pub(super) size: u64,
    /// The greatest product of nested counts.
    pub(super) copies: u64,
    /// Whether Go has a single literal for it.
    text: bool,
    /// Whether Go may have a sequence for it, which becomes part of a sequence around it.
    sequence: bool,
}

impl Measure {
    /// Of something that has no parts.
    pub(super) fn leaf(text: bool) -> Self {
        Self { low: 1, high: 1, depth: 1, size: 1, copies: 1, text, sequence: false }
    }

    /// Of a repetition.
    pub(super) fn repeated(self, min: u32, max: Option<u32>) -> Self {
        let (least, most) = (u64::from(min), u64::from(max.unwrap_or(min)));
        let size = match max {
            Some(_) => self.size.saturating_mul(most).saturating_add(most.saturating_sub(least)),
            None if min == 0 => self.size.saturating_add(2),
            None => self.size.saturating_mul(least).saturating_add(1),
        };
        // Go does not look into what comes not once.
        let copies = if max == Some(0) { 1 } else { self.copies.saturating_mul(most.max(1)) };
        Self { size: size.max(1), copies, ..self.around() }
    }

    /// Of a capturing group.
    pub(super) fn captured(self) -> Self {
        Self { size: self.size.saturating_add(2), ..self.around() }
    }

    /// Of a group that captures nothing, which Go's tree does not have.
    pub(super) fn grouped(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn around(self) -> Self {
        Self {
            low: self.low + 1,
            high: self.high + 1,
            depth: self.depth + 1,
            text: false,
            sequence: false,
            ..self
        }
    }

    /// Of one after the other.
    pub(super) fn sequence(parts: impl Iterator<Item = Self> + Clone) -> Self {
        let text = parts.clone().all(|part| part.text);
        let low = parts.clone().map(|part| if part.sequence { part.low } else { part.low + 1 }).max();
        Self { low: if text { 1 } else { low.unwrap_or(1) }, text, sequence: true, ..Self::all(parts) }
    }

    /// Of one of them, written in so many bytes.
    ///
    /// Factoring makes the tree higher by two for every beginning that some alternatives share; each such beginning
    /// is a character in all of them, and at least one alternative fewer than the beginning before it.
    pub(super) fn alternatives(parts: impl Iterator<Item = Self> + Clone, bytes: usize) -> Self {
        let shared = parts.clone().count().min(bytes.saturating_mul(2).isqrt());
        let all = Self::all(parts.clone());
        let high = all.high.saturating_add(u32::try_from(shared.saturating_mul(2)).unwrap_or(u32::MAX));
        let size = all.size.saturating_add(u64::try_from(parts.clone().count()).unwrap_or(u64::MAX));
        Self { low: parts.map(|part| part.low).max().unwrap_or(1), high, size, ..all }
    }

    fn all(parts: impl Iterator<Item = Self> + Clone) -> Self {
        Self {
            low: 1,
            high: parts.clone().map(|part| part.high).max().unwrap_or(0).saturating_add(1),
            depth: parts.clone().map(|part| part.depth).max().unwrap_or(0) + 1,
            size: parts.clone().fold(0, |size, part| part.size.saturating_add(size)),
            copies: parts.map(|part| part.copies).max().unwrap_or(1),
            text: false,
            sequence: false,
        }
    }
}
