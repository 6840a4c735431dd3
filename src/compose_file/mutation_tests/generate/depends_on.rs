//! `depends_on` itself, in every shape.

use super::{Draft, OTHERS};

impl Draft<'_> {
    pub(super) fn depends_on(&mut self, at: usize) {
        let key = self.random.of(&[
            "depends_on",
            "depends_on",
            "depends_on",
            "\"depends_on\"",
            "'depends_on'",
        ]);
        let deep = at + self.inner;
        let tag = self.random.of(&["", "", "", "", "", "", "", " !override"]);
        let mut anchor = "";
        if self.depends_on.is_none() && self.random.one_in(8) {
            self.depends_on = Some("*dd");
            anchor = " &dd";
        } else if let Some(alias) = self.depends_on
            && self.random.one_in(2)
        {
            return self.push(at, &format!("{key}: {alias}"));
        }
        let lead = format!("{key}:{anchor}{tag}");
        match self.random.below(14) {
            0 | 1 => self.depends_on = self.depends_on.filter(|_| anchor.is_empty()),
            2 => {
                let null = self
                    .random
                    .of(&["", " ~", " null", " !reset null", " !reset []"]);
                self.depends_on = self.depends_on.filter(|_| anchor.is_empty());
                self.push(at, &format!("{key}:{null}"));
            }
            3 | 4 => {
                self.push(at, &lead);
                let dash = match self.random.one_in(4) {
                    true => at,
                    false => deep,
                };
                let gap = " ".repeat(1 + self.random.below(3));
                for name in self.some_names(1) {
                    let item = self.item(name);
                    self.push(dash, &format!("-{gap}{item}"));
                }
            }
            5 => {
                let list = self.flow_list(", ");
                self.push(at, &format!("{lead} {list}"));
            }
            6 => {
                let list = self.flow_list(",\n");
                self.flow_lines(at, &lead, &list);
            }
            7..=9 => {
                self.push(at, &lead);
                self.block_map(deep);
            }
            10 => {
                let map = self.flow_map(", ");
                self.push(at, &format!("{lead} {map}"));
            }
            11 => {
                let map = self.flow_map(",\n");
                self.flow_lines(at, &lead, &map);
            }
            12 => {
                self.depends_on = self.depends_on.filter(|_| anchor.is_empty());
                let alias = self.random.of(&["*map", "*list", "*more"]);
                self.push(at, &format!("{key}: {alias}"));
            }
            _ => {
                self.push(at, &lead);
                let merge = self
                    .random
                    .of(&["<<: *map", "<<: [*map, *more]", "<<: [*more]"]);
                let first = self.random.one_in(2);
                if first {
                    self.push(deep, merge);
                }
                self.block_map(deep);
                if !first {
                    self.push(deep, merge);
                }
            }
        }
    }

    /// A flow collection over lines, or with its content on the line of the bracket.
    fn flow_lines(&mut self, at: usize, lead: &str, flow: &str) {
        let (open, rest) = flow.split_at(1);
        let (body, close) = rest.split_at(rest.len() - 1);
        let hug = self.random.one_in(3);
        if !hug {
            self.push(at, &format!("{lead} {open}"));
        }
        for (number, part) in body.split('\n').enumerate() {
            match hug && number == 0 {
                true => self.push(at, &format!("{lead} {open} {part}")),
                false => self.push(at + self.inner, part),
            }
        }
        let comma = self.random.of(&["", "", ","]);
        let comma = if body.trim().is_empty() { "" } else { comma };
        self.push(at + 1, &format!("{comma}{close}"));
    }

    fn some_names(&mut self, least: usize) -> Vec<&'static str> {
        let count = least + self.random.below(3);
        let mut names = Vec::new();
        for _ in 0..count {
            let name = self.random.of(&OTHERS);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn word(&mut self, name: &str) -> String {
        match self.random.below(6) {
            0 => format!("\"{name}\""),
            1 => format!("'{name}'"),
            _ if name == "on" => "\"on\"".to_owned(),
            _ => name.to_owned(),
        }
    }

    fn item(&mut self, name: &str) -> String {
        match self.random.below(40) {
            0 => format!("${{X:-{name}}}"),
            1 => format!("\"${name}\""),
            _ => self.word(name),
        }
    }

    fn settings(&mut self) -> Vec<(&'static str, &'static str)> {
        let mut settings = Vec::new();
        let conditions = [
            "service_started",
            "service_healthy",
            "service_completed_successfully",
        ];
        match self.random.below(12) {
            0 => {}
            1 => settings.push(("condition", "\"${C:-service_healthy}\"")),
            2 => settings.push(("condition", "'service_started'")),
            3 => settings.push(("\"condition\"", "\"service_healthy\"")),
            _ => settings.push(("condition", self.random.of(&conditions))),
        }
        match self.random.below(16) {
            0 => settings.push(("required", "true")),
            1 => settings.push(("required", "false")),
            2 => settings.insert(0, ("restart", "true")),
            3 => settings.insert(0, ("'required'", "true")),
            _ => {}
        }
        settings
    }

    fn flow_settings(&mut self) -> String {
        if self.random.one_in(8) {
            return "*s".to_owned();
        }
        let settings = self.settings();
        let pairs: Vec<_> = settings
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        format!("{{{}}}", pairs.join(", "))
    }

    fn block_map(&mut self, at: usize) {
        for name in self.some_names(1) {
            let key = self.word(name);
            let settings = self.settings();
            if settings.is_empty() || self.random.one_in(4) {
                let settings = self.flow_settings();
                self.push(at, &format!("{key}: {settings}"));
                continue;
            }
            self.push(at, &format!("{key}:"));
            let deep = at + self.inner;
            if self.random.one_in(12) {
                self.push(deep, "<<: *s");
            }
            for (key, value) in settings {
                self.push(deep, &format!("{key}: {value}"));
            }
        }
    }

    pub(super) fn flow_list(&mut self, comma: &str) -> String {
        let names = self.some_names(0);
        let items: Vec<String> = names.into_iter().map(|name| self.item(name)).collect();
        let blank = self.random.of(&["", " "]);
        let items: Vec<String> = items
            .into_iter()
            .map(|it| match it.starts_with("${") {
                true => format!("\"{it}\""),
                false => it,
            })
            .collect();
        format!("[{blank}{}{blank}]", items.join(comma))
    }

    pub(super) fn flow_map(&mut self, comma: &str) -> String {
        let mut entries = Vec::new();
        for name in self.some_names(0) {
            let key = self.word(name);
            let settings = self.flow_settings();
            entries.push(format!("{key}: {settings}"));
        }
        if self.random.one_in(8) {
            entries.push("<<: *map".to_owned());
        }
        let blank = self.random.of(&["", " "]);
        format!("{{{blank}{}{blank}}}", entries.join(comma))
    }
}
