//! Edits the text of Compose and `.env` files by place and proves every edit by parsing again.
//! It must not know files, Docker, Compose's merge of several files, or why an edit is wanted.
//!
//! ```text
//! locate   text -> tree with byte ranges         lines    byte ranges -> edited text
//! model    tree -> services, aliases, `<<`       values   the second parser's opinion
//! depends_on ─> list, condition, expand ─> block, flow
//! declare ───────────────────────> expand ─> block, flow
//! image ─> tag          env_file
//! waits    who waits for whom                    prove    before and after compared
//! attached  other files that are named
//! said     to choose among several texts         refusal  why not, and what to write by hand
//! ```

mod attached;
mod block;
mod condition;
mod declare;
mod depends_on;
mod diff;
mod env_file;
mod expand;
mod flow;
mod image;
mod lines;
mod list;
mod locate;
mod model;
mod prove;
mod refusal;
mod said;
mod tag;
mod values;
mod waits;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod depends_on_tests;
#[cfg(test)]
mod env_file_tests;
#[cfg(test)]
mod image_tests;
#[cfg(test)]
mod mutation_tests;

pub use self::diff::diff;
pub use self::env_file::{env_value, set_env_value};
pub use self::refusal::{Reason, Refusal};
pub use self::said::{Extends, Include, Mention, Said};
pub use self::tag::{TagSource, tag_source};

use self::depends_on::Added;
use self::locate::Comment;
use self::refusal::Stop;

/// `service` must wait until `dependency` has completed successfully.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The service that waits.
    pub service: String,
    /// The one-shot service it waits for.
    pub dependency: String,
}

/// A text that holds what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The whole text; byte for byte the one given if nothing had to change.
    pub text: String,
    /// One-based numbers of the new or changed lines in `text`; empty if nothing had to change.
    pub lines: Vec<usize>,
    /// Services that others wait for now, and that the text does not have.
    pub undefined: Vec<String>,
}

impl Patched {
    /// Whether the text differs from the one given.
    #[must_use]
    pub fn changed(&self) -> bool {
        !self.lines.is_empty()
    }

    fn new(before: &str, after: String) -> Self {
        let lines = if before == after {
            Vec::new()
        } else {
            diff::changed_lines(before, &after)
        };
        Self {
            text: after,
            lines,
            undefined: Vec::new(),
        }
    }
}

/// Makes every edge hold with the condition `service_completed_successfully`.
///
/// Judges by this text alone: `extends`, other files and profiles are the caller's to look at.
///
/// # Errors
/// [`Refusal`]; all edges are added or none.
pub fn require_edges(text: &str, edges: &[Edge]) -> Result<Patched, Refusal> {
    edit_edges(text, edges, false)
}

/// The same in a text that is merged over others: a service that it does not have is added, with
/// nothing but its edges. An empty text will do.
///
/// # Errors
/// [`Refusal`]; all edges are added or none.
pub fn declare_edges(text: &str, edges: &[Edge]) -> Result<Patched, Refusal> {
    edit_edges(text, edges, true)
}

fn edit_edges(text: &str, edges: &[Edge], declare: bool) -> Result<Patched, Refusal> {
    let (bom, body) = split_bom(text);
    let refuse = |stop: Stop, edge: Option<Edge>| {
        let blamed = edge.as_ref().map_or(edges, std::slice::from_ref);
        let wait = |edge: &Edge| format!("make `{}` wait for `{}`", edge.service, edge.dependency);
        let attempted = blamed.iter().map(wait).collect::<Vec<_>>().join(", ");
        stop.refusal(attempted, depends_on::by_hand(body, edges))
    };
    let whole = |stop| refuse(stop, None);
    // The second parser reads while the first one edits, and again while the first one proves.
    let (wanted, edited) = side_by_side(
        || prove::wanted(body, edges, declare),
        || match declare {
            true => declare::add_all(body, edges),
            false => depends_on::add_all(body, edges),
        },
    );
    let Added {
        text: edited,
        comments,
        undefined,
    } = edited.map_err(|(stop, edge)| refuse(stop, edge))?;
    let wanted = wanted.map_err(whole)?;
    if edited != body {
        let (got, readable) = side_by_side(
            || prove::got(&edited, edges),
            || prove_readable(&edited, edges, &comments),
        );
        let same = got.and_then(|got| prove::same(&wanted, &got));
        readable.and(same).map_err(whole)?;
    }
    Ok(Patched {
        undefined,
        ..Patched::new(text, format!("{bom}{edited}"))
    })
}

fn side_by_side<T: Send, U>(
    second: impl FnOnce() -> Result<T, Stop> + Send,
    first: impl FnOnce() -> U,
) -> (Result<T, Stop>, U) {
    std::thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        let broken = || Err(Reason::Unproven("the second parser broke off").into());
        (second.join().unwrap_or_else(|_| broken()), first)
    })
}

fn prove_readable(after: &str, edges: &[Edge], comments: &[Comment]) -> Result<(), Stop> {
    let tree = prove::tree(after)?;
    prove::comments(comments, &tree.comments)?;
    match depends_on::has_all(after, &tree, edges) {
        Ok(true) => Ok(()),
        _ => Err(Reason::Unproven("a second run would edit again").into()),
    }
}

/// What a text says that nothing but these edges stands in, to be merged over others.
pub fn edges_alone(edges: &[Edge]) -> String {
    declare::whole(edges)
}

/// How much a text says about an edge; none where the service is not in it.
///
/// # Errors
/// [`Refusal`] if the text cannot be read.
pub fn said(text: &str, edge: &Edge) -> Result<Option<Said>, Refusal> {
    let attempted = || format!("look for `{}`", edge.service);
    said::said(split_bom(text).1, edge).map_err(|stop| stop.refusal(attempted(), String::new()))
}

/// The other files that a text includes.
///
/// # Errors
/// [`Refusal`] if the text cannot be read.
pub fn includes(text: &str) -> Result<Vec<Include>, Refusal> {
    let attempted = || "look for `include`".to_owned();
    said::includes(split_bom(text).1).map_err(|stop| stop.refusal(attempted(), String::new()))
}

/// Where a service of the text has the rest of its description from, if it extends another one.
///
/// # Errors
/// [`Refusal`] if the text cannot be read or the service is not in it.
pub fn extends(text: &str, service: &str) -> Result<Option<Extends>, Refusal> {
    let attempted = || format!("look for what `{service}` extends");
    said::extends(split_bom(text).1, service)
        .map_err(|stop| stop.refusal(attempted(), String::new()))
}

/// What all services of the text extend.
///
/// # Errors
/// [`Refusal`] if the text cannot be read.
pub fn all_extends(text: &str) -> Result<Vec<Extends>, Refusal> {
    let attempted = || "look for `extends`".to_owned();
    said::all_extends(split_bom(text).1).map_err(|stop| stop.refusal(attempted(), String::new()))
}

/// Files that the text names besides Compose files, as written: env files of services, configs and
/// secrets. Nothing of a text that cannot be read.
pub fn attached(text: &str) -> Vec<String> {
    attached::attached(split_bom(text).1)
}

/// The image of a service as written, `${…}` and all; None if it is built or defined elsewhere.
///
/// # Errors
/// [`Refusal`] if the text cannot be read or the service is not in it.
pub fn image_of(text: &str, service: &str) -> Result<Option<String>, Refusal> {
    let attempted = || format!("read the image of `{service}`");
    image::raw(split_bom(text).1, service).map_err(|stop| stop.refusal(attempted(), String::new()))
}

/// Rewrites the tag, or the default of the tag's variable, where the services' image is set.
///
/// Works through anchors and `<<` as long as no service but the given ones shares the place.
///
/// # Errors
/// [`Refusal`]; all services are rewritten or none.
pub fn set_image_tag(text: &str, services: &[String], new_tag: &str) -> Result<Patched, Refusal> {
    let (bom, body) = split_bom(text);
    let rewritten = image::retag_all(body, services, new_tag).and_then(|(edited, comments)| {
        if edited != body {
            prove::images(body, &edited, services, new_tag)?;
            prove::comments(&comments, &prove::tree(&edited)?.comments)?;
        }
        Ok(edited)
    });
    match rewritten {
        Ok(edited) => Ok(Patched::new(text, format!("{bom}{edited}"))),
        Err(stop) => {
            let attempted = format!("set the image tag of `{}`", services.join("`, `"));
            let by_hand = image::by_hand(body, services, new_tag, &stop.reason);
            Err(stop.refusal(attempted, by_hand))
        }
    }
}

/// The parsers would count the mark as text.
fn split_bom(text: &str) -> (&str, &str) {
    match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    }
}
