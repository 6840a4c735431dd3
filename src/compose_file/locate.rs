//! Text to a tree whose every node knows its bytes.
//!
//! Nothing here knows Compose; aliases stay aliases and `<<` stays a key.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag, options};

use super::refusal::{Reason, Stop};

/// Deeper than any real file, shallow enough for recursion anywhere in this room.
const MAX_DEPTH: usize = 100;
/// The parser's own limit is 96 comments in a row, which licence headers and
/// commented-out services exceed.
const MAX_COMMENT_RUN: usize = 1_000_000;

#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) documents: Vec<Rc<Node>>,
    pub(super) comments: Vec<Comment>,
    anchors: HashMap<usize, Rc<Node>>,
}

#[derive(Debug)]
pub(super) struct Comment {
    pub(super) text: String,
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The content without anchor and tag. A block collection ends where its last child does.
    pub(super) span: Range<usize>,
    /// One-based.
    pub(super) line: usize,
    pub(super) tag: Option<Box<str>>,
    anchored: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar { value: Box<str>, style: ScalarStyle },
    Seq { flow: bool, items: Vec<Rc<Node>> },
    Map { flow: bool, entries: Vec<Entry> },
    Alias(usize),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Rc<Node>,
    pub(super) value: Rc<Node>,
}

impl Tree {
    /// # Errors
    /// Text the parser rejects, duplicate keys, template markers, absurd depth.
    pub(super) fn parse(text: &str) -> Result<Self, Stop> {
        let mut builder = Builder::default();
        for event in Parser::new_from_str_with_options(text, limits()) {
            let (event, span) = event.map_err(|error| unreadable(text, &error))?;
            builder.take(text, event, span)?;
        }
        refuse_template_comments(&builder.tree.comments)?;
        Ok(builder.tree)
    }

    pub(super) fn anchored(&self, id: usize) -> Option<&Node> {
        self.anchors.get(&id).map(Rc::as_ref)
    }
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { value, style: ScalarStyle::Plain }
            if matches!(&**value, "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(super) fn is_reset(&self) -> bool {
        self.tag.as_deref() == Some("!reset")
    }

    /// Anchor or tag before the content.
    pub(super) fn has_properties(&self) -> bool {
        self.anchored || self.tag.is_some()
    }

    /// The entries written in this very mapping, merges not followed.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    pub(super) fn own(&self, key: &str) -> Option<&Entry> {
        self.entries()
            .iter()
            .find(|entry| entry.key.text() == Some(key))
    }

    /// Whether the end of this node is the end of a `|` or `>` scalar, whose trailing
    /// blank lines are part of it.
    pub(super) fn ends_in_block_scalar(&self) -> bool {
        match &self.kind {
            Kind::Scalar { style, .. } => {
                matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
            }
            Kind::Seq { flow: false, items } => {
                items.last().is_some_and(|item| item.ends_in_block_scalar())
            }
            Kind::Map {
                flow: false,
                entries,
            } => entries
                .last()
                .is_some_and(|entry| entry.value.ends_in_block_scalar()),
            _ => false,
        }
    }
}

fn limits() -> granit_parser::Options {
    options! {
        emit_anchor_events: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        max_buffered_comment_events: MAX_COMMENT_RUN,
    }
}

/// An open collection. `scalar` keys wait in `key` for their value.
struct Frame {
    node: Node,
    key: Option<Rc<Node>>,
    seen: HashSet<Box<str>>,
    anchor_id: Option<usize>,
}

#[derive(Default)]
struct Builder {
    tree: Tree,
    open: Vec<Frame>,
    /// The scalar just read: its anchor, if any, comes as the next event.
    last_scalar: Option<(Node, Option<usize>)>,
}

impl Builder {
    fn take(&mut self, text: &str, event: Event<'_>, span: Span) -> Result<(), Stop> {
        if let Event::Anchor(..) = event {
            let end = span.byte_range().unwrap_or_default().end;
            if let Some((node, _)) = &mut self.last_scalar
                && node.span.is_empty()
            {
                // An empty scalar after its anchor: it stands behind it.
                node.span = node.span.start.max(end)..node.span.end.max(end);
            }
            return Ok(());
        }
        if let Some((node, anchor)) = self.last_scalar.take() {
            self.close(text, node, anchor)?;
        }
        match event {
            Event::Comment(comment, _) => self.tree.comments.push(Comment {
                text: comment.trim_end().to_owned(),
                line: span.start.line(),
            }),
            Event::Scalar(value, style, anchor, tag) => {
                let anchor = some_id(anchor);
                let scalar = scalar(&value, style, span, tag.as_deref(), anchor);
                self.last_scalar = Some((scalar, anchor));
            }
            Event::Alias(id) => {
                let bytes = span.byte_range().unwrap_or_default();
                self.close(text, node(Kind::Alias(id), bytes, span, None, None), None)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let kind = Kind::Seq {
                    flow,
                    items: Vec::new(),
                };
                self.start(kind, span, tag.as_deref(), some_id(anchor))?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let kind = Kind::Map {
                    flow,
                    entries: Vec::new(),
                };
                self.start(kind, span, tag.as_deref(), some_id(anchor))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(text, span)?,
            _ => {}
        }
        Ok(())
    }

    fn start(
        &mut self,
        kind: Kind,
        span: Span,
        tag: Option<&Tag>,
        anchor_id: Option<usize>,
    ) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Stop::at(span.start.line(), Reason::TooDeep));
        }
        let bytes = span.byte_range().unwrap_or_default();
        let node = node(kind, bytes, span, tag, anchor_id);
        self.open.push(Frame {
            node,
            key: None,
            seen: HashSet::new(),
            anchor_id,
        });
        Ok(())
    }

    fn end(&mut self, text: &str, span: Span) -> Result<(), Stop> {
        let Some(mut frame) = self.open.pop() else {
            return Err(Reason::Unproven("unbalanced events").into());
        };
        frame.node.span.end = match &frame.node.kind {
            Kind::Seq { flow: false, items } => items.last().map(|item| item.span.end),
            Kind::Map {
                flow: false,
                entries,
            } => entries.last().map(|entry| entry.value.span.end),
            _ => span.byte_range().map(|bytes| bytes.end),
        }
        .unwrap_or(frame.node.span.end)
        .max(frame.node.span.start);
        self.close(text, frame.node, frame.anchor_id)
    }

    /// Hands a finished node to whatever it stands in.
    fn close(&mut self, text: &str, mut node: Node, anchor: Option<usize>) -> Result<(), Stop> {
        if let Some(key) = self.open.last().and_then(|frame| frame.key.as_ref()) {
            place_after_colon(text, key, &mut node);
        }
        let node = Rc::new(node);
        if let Some(id) = anchor {
            self.tree.anchors.insert(id, Rc::clone(&node));
        }
        let Some(frame) = self.open.last_mut() else {
            self.tree.documents.push(node);
            return Ok(());
        };
        match &mut frame.node.kind {
            Kind::Seq { items, .. } => items.push(node),
            Kind::Map { entries, .. } => {
                if let Some(key) = frame.key.take() {
                    entries.push(Entry { key, value: node });
                } else {
                    check_key(&node, &mut frame.seen)?;
                    frame.key = Some(node);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn node(
    kind: Kind,
    span: Range<usize>,
    source: Span,
    tag: Option<&Tag>,
    anchor: Option<usize>,
) -> Node {
    Node {
        kind,
        span,
        // A value may begin lines below its tag, or not at all.
        line: source.tag_span().unwrap_or(source).start.line(),
        tag: tag.map(|tag| tag.original().into()),
        anchored: anchor.is_some(),
    }
}

fn some_id(id: usize) -> Option<usize> {
    (id != 0).then_some(id)
}

fn scalar(
    value: &str,
    style: ScalarStyle,
    span: Span,
    tag: Option<&Tag>,
    anchor: Option<usize>,
) -> Node {
    let bytes = scalar_bytes(span);
    let absent = bytes.is_empty() && style == ScalarStyle::Plain;
    let value = if absent { "" } else { value }.into();
    node(Kind::Scalar { value, style }, bytes, span, tag, anchor)
}

/// An absent value is reported as `~` with an empty span.
fn scalar_bytes(span: Span) -> Range<usize> {
    let bytes = span.byte_range().unwrap_or_default();
    let after_tag = span
        .tag_span()
        .and_then(|tag| tag.byte_range())
        .map_or(0, |tag| tag.end);
    if bytes.is_empty() {
        let at = bytes.start.max(after_tag);
        at..at
    } else {
        bytes
    }
}

/// The parser puts an absent value at the end of its key; edits need it behind the colon.
fn place_after_colon(text: &str, key: &Node, node: &mut Node) {
    if !node.span.is_empty() || !matches!(node.kind, Kind::Scalar { .. }) {
        return;
    }
    let Some(rest) = text.get(key.span.end..) else {
        return;
    };
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if rest.get(blanks..).is_some_and(|rest| rest.starts_with(':')) {
        let after = key.span.end + blanks + 1;
        let at = node.span.start.max(after);
        node.span = at..at;
    }
    if !node.has_properties() {
        node.line = key.line;
    }
}

fn check_key(key: &Node, seen: &mut HashSet<Box<str>>) -> Result<(), Stop> {
    match &key.kind {
        Kind::Scalar { value, .. } if !seen.insert(value.clone()) => {
            Err(Stop::at(key.line, Reason::DuplicateKey(value.to_string())))
        }
        // `{{ name }}` is YAML, for a mapping whose key is a mapping.
        Kind::Map { flow: true, .. } => Err(Stop::at(key.line, Reason::TemplateMarkers)),
        _ => Ok(()),
    }
}

fn refuse_template_comments(comments: &[Comment]) -> Result<(), Stop> {
    let marked = |comment: &&Comment| {
        let text = comment.text.trim_start();
        text.starts_with("{%") || text.starts_with("{{")
    };
    match comments.iter().find(marked) {
        Some(comment) => Err(Stop::at(comment.line, Reason::TemplateMarkers)),
        None => Ok(()),
    }
}

fn unreadable(text: &str, error: &ScanError) -> Stop {
    let line = error.marker().line();
    let marks_template = |line: &str| line.contains("{{") || line.contains("{%");
    let here = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let opening = |line: &str| marks_template(line.trim_start().get(..2).unwrap_or_default());
    if marks_template(here) {
        return Stop::at(line, Reason::TemplateMarkers);
    }
    if let Some(found) = text.lines().position(opening) {
        return Stop::at(found + 1, Reason::TemplateMarkers);
    }
    let indent_end = here.len() - here.trim_start_matches([' ', '\t']).len();
    if here
        .get(..indent_end)
        .is_some_and(|indent| indent.contains('\t'))
    {
        return Stop::at(line, Reason::TabIndentation);
    }
    Stop::at(line, Reason::Unparsable(error.info()))
}
