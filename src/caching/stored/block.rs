//! How a head lies in its block.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{HeadParts, StoredHead, names};

/// What stands in a head, in this order. Each ends where the next begins.
#[derive(Clone, Copy)]
pub(super) enum Section {
    Key,
    Route,
    /// Each followed by a zero.
    Tags,
    /// Each followed by a zero.
    SelectingNames,
    SelectingValues,
    /// Each line: the name's number (or [`names::OTHER`], the name's length and the name), the value's length, the value.
    Fields,
}

impl Section {
    pub(super) const COUNT: usize = 6;
}

pub(super) type Ends = [u32; Section::COUNT];

pub(super) fn pack(parts: &HeadParts<'_>) -> (Bytes, Ends) {
    let mut block =
        BytesMut::with_capacity(parts.key.as_bytes().len() + 64 * (parts.fields.len() + 1));
    let mut ends = Ends::default();
    block.extend_from_slice(parts.key.as_bytes());
    end(&mut ends, Section::Key, &block);
    block.extend_from_slice(parts.route.as_bytes());
    end(&mut ends, Section::Route, &block);
    for tag in parts.tags {
        block.extend_from_slice(tag.as_bytes());
        block.put_u8(0);
    }
    end(&mut ends, Section::Tags, &block);
    for name in parts.selecting {
        block.extend_from_slice(name.as_str().as_bytes());
        block.put_u8(0);
    }
    end(&mut ends, Section::SelectingNames, &block);
    block.extend_from_slice(parts.selecting_values);
    end(&mut ends, Section::SelectingValues, &block);
    put_fields(&mut block, parts.fields);
    end(&mut ends, Section::Fields, &block);
    (block.freeze(), ends)
}

/// The block of `head` with other fields.
pub(super) fn repack(head: &StoredHead, fields: &HeaderMap) -> (Bytes, Ends) {
    let mut ends = head.sections;
    let before = head.range(Section::Fields).start;
    let mut block = BytesMut::with_capacity(before + 64 * fields.len());
    block.extend_from_slice(head.block.get(..before).unwrap_or_default());
    put_fields(&mut block, fields);
    end(&mut ends, Section::Fields, &block);
    (block.freeze(), ends)
}

fn end(ends: &mut Ends, section: Section, block: &BytesMut) {
    ends[section as usize] = u32::try_from(block.len()).unwrap_or(u32::MAX);
}

fn put_fields(block: &mut BytesMut, fields: &HeaderMap) {
    for (name, value) in fields {
        match names::number(name) {
            Some(number) => block.put_u8(number),
            None => {
                let name = name.as_str().as_bytes();
                block.put_u8(names::OTHER);
                block.put_u16_le(u16::try_from(name.len()).unwrap_or(u16::MAX));
                block.extend_from_slice(name);
            }
        }
        block.put_u32_le(u32::try_from(value.len()).unwrap_or(u32::MAX));
        block.extend_from_slice(value.as_bytes());
    }
}

/// The field lines in a part of a block, their values slices of it.
pub(super) fn field_lines(
    block: &Bytes,
    lines: Range<usize>,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let mut at = lines.start;
    std::iter::from_fn(move || {
        if at >= lines.end {
            return None;
        }
        let number = *block.get(at)?;
        at += 1;
        let name = if number == names::OTHER {
            let length = usize::from(u16::from_le_bytes(*block.get(at..)?.first_chunk()?));
            let name = HeaderName::from_bytes(block.get(at + 2..at + 2 + length)?).ok()?;
            at += 2 + length;
            name
        } else {
            names::name(number)?
        };
        let length = u32::from_le_bytes(*block.get(at..)?.first_chunk()?) as usize;
        at += 4;
        if at + length > lines.end {
            return None;
        }
        let value = HeaderValue::from_maybe_shared(block.slice(at..at + length)).ok()?;
        at += length;
        Some((name, value))
    })
}
