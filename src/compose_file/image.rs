//! The image of a service: where it is set, and its tag rewritten in that place.

use super::lines::{Edit, Source};
use super::locate::{Comment, Node, Tree};
use super::model::{Model, refuse_reset};
use super::refusal::{Reason, Stop};
use super::tag::{self, TagSource};

/// The raw text of the service's image, merges and aliases followed.
pub(super) fn raw(text: &str, service: &str) -> Result<Option<String>, Stop> {
    let tree = Tree::parse(text)?;
    let model = Model::new(&tree)?;
    let found = scalar(&model, service)?;
    Ok(found.and_then(Node::text).map(str::to_owned))
}

fn scalar<'t>(model: &Model<'t>, service: &str) -> Result<Option<&'t Node>, Stop> {
    let service = model.service(service)?;
    let Some(found) = model.get(service.body, "image")? else {
        return Ok(None);
    };
    refuse_reset(&found.entry.value)?;
    let node = model.follow(&found.entry.value)?;
    Ok((node.text().is_some() && !node.is_null()).then_some(node))
}

/// Rewrites the tag once for every place that sets the image of one of the services. Also returns
/// the comments that the text had.
///
/// # Errors
/// The first service whose tag cannot be rewritten.
pub(super) fn retag_all(
    text: &str,
    services: &[String],
    new_tag: &str,
) -> Result<(String, Vec<Comment>), Stop> {
    if !tag::is_tag(new_tag) {
        return Err(Reason::InvalidTag(new_tag.to_owned()).into());
    }
    let tree = Tree::parse(text)?;
    let model = Model::new(&tree)?;
    let source = Source { text };
    let mut edits: Vec<Edit> = Vec::new();
    for service in services {
        let node = scalar(&model, service)?;
        let node = node.ok_or_else(|| Stop {
            reason: Reason::ImageElsewhere,
            line: model.service(service).ok().map(|service| service.name.line),
        })?;
        let edit = edit_for(source, node, new_tag)?;
        if !edits.iter().any(|seen| seen.at == edit.at) {
            edits.push(edit);
        }
    }
    let edited = source.apply(edits);
    let edited = edited.ok_or(Reason::Unproven("edits overlap"))?;
    Ok((edited, tree.comments))
}

fn edit_for(source: Source<'_>, node: &Node, new_tag: &str) -> Result<Edit, Stop> {
    let raw = node.text().unwrap_or_default();
    let rewritten = tag::retag(raw, new_tag).ok_or_else(|| Stop::at(node.line, why_not(raw)))?;
    let written = source.slice(node.span.clone());
    // Only where the file holds the value letter by letter is a place in one a place in the other.
    let inner = written.find(raw).filter(|_| written.len() <= raw.len() + 2);
    let Some(inner) = inner else {
        let reason = Reason::UnsupportedShape("the image is written with escapes or over lines");
        return Err(Stop::at(node.line, reason));
    };
    let start = node.span.start + inner;
    Ok(Edit::replace(start..start + raw.len(), rewritten))
}

fn why_not(raw: &str) -> Reason {
    if raw.contains("{{") {
        return Reason::TemplateMarkers;
    }
    match tag::tag_source(raw) {
        TagSource::Untagged => Reason::ImageUntagged(raw.to_owned()),
        TagSource::Digest => Reason::ImageDigest(raw.to_owned()),
        TagSource::Variable { name, .. } => Reason::ImageVariable(name),
        TagSource::Literal(_) | TagSource::Other => Reason::ImageTagUnclear(raw.to_owned()),
    }
}

/// What to write instead of the edit that was refused.
pub(super) fn by_hand(text: &str, services: &[String], new_tag: &str, reason: &Reason) -> String {
    if let Reason::ImageVariable(name) = reason {
        return format!("{name}={new_tag}");
    }
    let service = |service: &String| {
        let raw = raw(text, service).ok().flatten();
        let known = raw.filter(|raw| tag::tag_source(raw) != TagSource::Other);
        let image = known.as_deref().map_or("<image>", tag::name);
        format!("\n  {service}:\n    image: {image}:{new_tag}")
    };
    format!(
        "services:{}",
        services.iter().map(service).collect::<String>()
    )
}
