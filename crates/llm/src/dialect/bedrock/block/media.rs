//! Bedrock names the format of a file where other dialects name its media type.

/// A kind of file and the formats that Bedrock takes of it.
pub(super) struct Media {
    formats: &'static [(&'static str, &'static str)],
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html>
pub(super) const IMAGE: Media =
    Media { formats: &[("png", "image/png"), ("jpeg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp")] };

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html>
pub(super) const DOCUMENT: Media = Media {
    formats: &[
        ("pdf", "application/pdf"),
        ("csv", "text/csv"),
        ("doc", "application/msword"),
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xls", "application/vnd.ms-excel"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("html", "text/html"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
    ],
};

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_VideoBlock.html>
pub(super) const VIDEO: Media = Media {
    formats: &[
        ("mp4", "video/mp4"),
        ("mov", "video/quicktime"),
        ("mkv", "video/x-matroska"),
        ("webm", "video/webm"),
        ("flv", "video/x-flv"),
        ("mpeg", "video/mpeg"),
        ("mpg", "video/mpg"),
        ("wmv", "video/x-ms-wmv"),
        ("three_gp", "video/3gpp"),
    ],
};

impl Media {
    /// The media type of a format.
    pub fn type_of(&self, format: &str) -> Option<&'static str> {
        self.formats.iter().find(|(known, _)| *known == format).map(|(_, media_type)| *media_type)
    }

    /// The format of a media type, whatever its parameters and case.
    pub fn format_of(&self, media_type: &str) -> Option<&'static str> {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let essence = if essence.eq_ignore_ascii_case("image/jpg") { "image/jpeg" } else { essence };
        self.formats.iter().find(|(_, known)| known.eq_ignore_ascii_case(essence)).map(|(format, _)| *format)
    }

    /// The format of a file by the ending of its name: of what lies in S3 nobody says more.
    pub fn format_of_name(&self, name: &str) -> Option<&'static str> {
        let (_, ending) = name.rsplit_once('.')?;
        let ending = match ending.to_ascii_lowercase().as_str() {
            "jpg" => "jpeg".to_owned(),
            "3gp" => "three_gp".to_owned(),
            other => other.to_owned(),
        };
        self.formats.iter().find(|(format, _)| *format == ending).map(|(format, _)| *format)
    }

    /// The formats as a refusal lists them.
    pub fn names(&self) -> String {
        self.formats.iter().map(|(format, _)| *format).collect::<Vec<_>>().join(", ")
    }
}
