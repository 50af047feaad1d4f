use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde_json::{Map, Value};

use super::Json;

/// The fields of an object, each once, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object<'a> {
    fields: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> Object<'a> {
    /// An object of these fields, no two of which have one name.
    pub fn of<const N: usize>(fields: [(&'a str, Json<'a>); N]) -> Self {
        fields.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect()
    }

    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json<'a>> {
        self.fields.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Gives a field this value; a new one comes last.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Json<'a>>) {
        let (name, value) = (name.into(), value.into());
        match self.get_mut(&name) {
            Some(known) => *known = value,
            None => self.fields.push((name, value)),
        }
    }

    /// Gives these fields their values.
    pub fn extend(&mut self, fields: impl Into<Self>) {
        fields.into().into_iter().for_each(|(name, value)| self.set(name, value));
    }

    /// Takes a field out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.fields.iter().position(|(known, _)| known == name)?;
        Some(self.fields.remove(at).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.fields.iter().map(|(name, value)| (&**name, value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Keeps the fields that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Json<'a>) -> bool) {
        self.fields.retain(|(name, value)| keep(name, value));
    }

    /// The fields that are neither among these nor `null`, to be kept.
    pub fn others(&self, known: &[&str]) -> Map<String, Value> {
        let others = self.iter().filter(|(name, value)| !known.contains(name) && !value.is_null());
        others.map(|(name, value)| (name.to_owned(), value.to_value())).collect()
    }

    /// The same fields, to be kept.
    pub fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_value())).collect()
    }

    /// An object as it was read. Of fields with one name the last counts, in the place of the first, as serde_json and
    /// most others read it.
    pub(super) fn read(fields: Vec<(Cow<'a, str>, Json<'a>)>) -> Self {
        if is_each_once(&fields) {
            return Self { fields };
        }
        let mut places = HashMap::new();
        let mut object = Self::default();
        for (name, value) in fields {
            let place = *places.entry(name.clone()).or_insert(object.len());
            match object.fields.get_mut(place) {
                Some((_, known)) => *known = value,
                None => object.fields.push((name, value)),
            }
        }
        object
    }
}

fn is_each_once(fields: &[(Cow<'_, str>, Json<'_>)]) -> bool {
    /// Up to here comparing each with each is quickest.
    const FEW: usize = 16;
    if fields.len() > FEW {
        let mut seen = HashSet::with_capacity(fields.len());
        return fields.iter().all(|(name, _)| seen.insert(name));
    }
    fields.iter().enumerate().all(|(at, (name, _))| fields.iter().take(at).all(|(before, _)| before != name))
}

impl<'a> FromIterator<(Cow<'a, str>, Json<'a>)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, Json<'a>)>>(fields: I) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Json<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl<'a> From<&'a Map<String, Value>> for Object<'a> {
    fn from(map: &'a Map<String, Value>) -> Self {
        map.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), value.into())).collect()
    }
}

impl From<Map<String, Value>> for Object<'_> {
    fn from(map: Map<String, Value>) -> Self {
        map.into_iter().map(|(name, value)| (Cow::Owned(name), value.into())).collect()
    }
}
