//! Why a text was left alone, in words a person can act on.

/// An edit that was not made. The text the caller holds is still the text to keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {attempted}: {reason}{}", .line.map(|l| format!(" (line {l})")).unwrap_or_default())]
pub struct Refusal {
    /// What stood in the way.
    pub reason: Reason,
    /// One-based line in the text as it was given, where one is to blame.
    pub line: Option<usize>,
    /// What was being done, as a phrase after "cannot".
    pub attempted: String,
    /// The text to write by hand instead; empty when only the caller's argument was wrong.
    pub by_hand: String,
}

impl Refusal {
    /// Stable, kebab-case, for programs; see [`Reason::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }
}

/// What stands in the way of an edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// One of the two parsers rejects the text.
    #[error("the file is not valid YAML: {0}")]
    Unparsable(String),
    /// YAML forbids tabs as indentation.
    #[error("a line is indented with a tab")]
    TabIndentation,
    /// `{{ … }}` or `{% … %}`: the file is made from another one.
    #[error("the file holds template markers; edit the template it is made from")]
    TemplateMarkers,
    /// Nesting or aliases beyond anything a Compose file needs.
    #[error("the file is nested too deeply, or its aliases expand too far")]
    TooDeep,
    /// Compose rejects it, and an edit could hit the wrong one.
    #[error("the key `{0}` is there twice")]
    DuplicateKey(String),
    /// No top-level `services` mapping (or a version 1 file).
    #[error("the file has no `services` mapping")]
    NoServices,
    /// The service is not in this text.
    #[error("the service `{0}` is not defined in this file")]
    UnknownService(String),
    /// Compose merges documents in order; which one to edit is ambiguous.
    #[error("the service `{0}` is defined in several YAML documents of this file")]
    SeveralDocuments(String),
    /// Not `[a-zA-Z0-9._-]+`.
    #[error("`{0}` is not a service name")]
    InvalidName(String),
    /// A shape that Compose itself rejects.
    #[error("the present `depends_on` is not valid: {0}")]
    InvalidDependsOn(&'static str),
    /// The dependency already waits for the service, as far as this text says.
    #[error("`{dependency}` already depends on `{service}`")]
    Cycle {
        /// The service that was to wait.
        service: String,
        /// What it was to wait for.
        dependency: String,
    },
    /// `required: false` lets the service start after its dependency failed.
    #[error("`required` is not `true` here, so the service would start after a failure")]
    NotRequired,
    /// `!reset` removes what stands there.
    #[error("`!reset` stands here")]
    ResetTag,
    /// A condition holding `$` is known only at run time.
    #[error("the condition is a variable")]
    InterpolatedCondition,
    /// The list must become a mapping, and this item cannot become a key.
    #[error("the list item `{item}` cannot become a key: it {why}")]
    ListItem {
        /// The item as written.
        item: String,
        /// For example "holds a variable".
        why: &'static str,
    },
    /// The text to edit also belongs to others through an anchor.
    #[error("the text is shared through an anchor with {}", .0.join(", "))]
    SharedAnchor(Vec<String>),
    /// Valid YAML in a layout this room has no edit for.
    #[error("the layout is not supported: {0}")]
    UnsupportedShape(&'static str),
    /// The service is built, extended, or defined elsewhere.
    #[error("the service has no `image` in this file")]
    ImageElsewhere,
    /// Nothing to replace: the tag is the implied `latest`.
    #[error("the image `{0}` has no tag")]
    ImageUntagged(String),
    /// A digest decides, whatever the tag says.
    #[error("the image `{0}` is pinned by digest")]
    ImageDigest(String),
    /// The tag comes from a variable without a default: set it in `.env`.
    #[error("the tag is the variable `{0}`")]
    ImageVariable(String),
    /// The tag is put together in a way that cannot be rewritten safely.
    #[error("the tag in `{0}` is neither literal nor one variable")]
    ImageTagUnclear(String),
    /// Not `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
    #[error("`{0}` is not an image tag")]
    InvalidTag(String),
    /// Not a variable name.
    #[error("`{0}` is not a variable name")]
    InvalidKey(String),
    /// A value no quoting can carry on one line.
    #[error("the value cannot be written on one line of a `.env` file")]
    InvalidValue,
    /// The assignment, or a quote before it, runs over several lines.
    #[error("a quoted value spans several lines or does not end")]
    OpenQuote,
    /// The edit was made, parsed again, and did not hold; it was thrown away.
    #[error("the edited text could not be proven right: {0}")]
    Unproven(&'static str),
}

impl Reason {
    /// Stable, kebab-case, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unparsable(_) => "unparsable",
            Self::TabIndentation => "tab-indentation",
            Self::TemplateMarkers => "template-markers",
            Self::TooDeep => "too-deep",
            Self::DuplicateKey(_) => "duplicate-key",
            Self::NoServices => "no-services",
            Self::UnknownService(_) => "unknown-service",
            Self::SeveralDocuments(_) => "several-documents",
            Self::InvalidName(_) => "invalid-name",
            Self::InvalidDependsOn(_) => "invalid-depends-on",
            Self::Cycle { .. } => "cycle",
            Self::NotRequired => "required-false",
            Self::ResetTag => "reset-tag",
            Self::InterpolatedCondition => "interpolated-condition",
            Self::ListItem { .. } => "list-item",
            Self::SharedAnchor(_) => "shared-anchor",
            Self::UnsupportedShape(_) => "unsupported-shape",
            Self::ImageElsewhere => "image-elsewhere",
            Self::ImageUntagged(_) => "image-untagged",
            Self::ImageDigest(_) => "image-digest",
            Self::ImageVariable(_) => "image-variable",
            Self::ImageTagUnclear(_) => "image-tag-unclear",
            Self::InvalidTag(_) => "invalid-tag",
            Self::InvalidKey(_) => "invalid-key",
            Self::InvalidValue => "invalid-value",
            Self::OpenQuote => "open-quote",
            Self::Unproven(_) => "unproven",
        }
    }
}

/// A reason with its place, before the edge adds what was attempted and what to write by hand.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) reason: Reason,
    pub(super) line: Option<usize>,
}

impl Stop {
    pub(super) fn at(line: usize, reason: Reason) -> Self {
        Self {
            reason,
            line: Some(line),
        }
    }

    pub(super) fn refusal(self, attempted: String, by_hand: String) -> Refusal {
        Refusal {
            reason: self.reason,
            line: self.line,
            attempted,
            by_hand,
        }
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self { reason, line: None }
    }
}
