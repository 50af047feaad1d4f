use std::path::PathBuf;

use govern::config::credential::AwsContainer;

use super::{super::oauth::tests::Scripted, *};

const HANDED: &str = r#"{"Code": "Success", "AccessKeyId": "ID", "SecretAccessKey": "made up", "Token": "session",
    "Expiration": "2030-01-02T03:04:05Z"}"#;

/// 2030-01-02T03:04:05Z
const END: i64 = 1_893_553_445_000_000;

const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>
    <Credentials><AccessKeyId>ID</AccessKeyId><SecretAccessKey>made up</SecretAccessKey>
    <SessionToken>session</SessionToken><Expiration>2030-01-02T03:04:05Z</Expiration></Credentials>
    </AssumeRoleResult></AssumeRoleResponse>";

async fn fetch(identity: AwsIdentity, script: &Arc<Scripted>) -> Result<Fresh<AwsKeys>, CredentialError> {
    Aws { identity, region: "eu-west-1".into(), ask: script.clone() }.fetch().await
}

fn assert_handed(fresh: &Fresh<AwsKeys>) {
    let keys = &fresh.value;
    assert_eq!((keys.id.as_str(), keys.secret.expose()), ("ID", "made up"));
    assert_eq!(keys.session.as_ref().map(Secret::expose), Some("session"));
    assert_eq!(fresh.expires, Some(END));
}

#[tokio::test]
async fn keys_that_are_written_down_do_not_end() {
    let identity = AwsIdentity::Static { access_key: "ID".into(), secret: Secret::new("made up"), session_token: None };
    let fresh = fetch(identity, &Scripted::new([])).await.unwrap();
    assert_eq!((fresh.value.id.as_str(), fresh.expires), ("ID", None));
}

#[tokio::test]
async fn a_machine_is_asked_with_a_token_of_its_own() {
    let script = Scripted::new([(200, "tok"), (200, "my role\n"), (200, HANDED)]);
    assert_handed(&fetch(AwsIdentity::InstanceRole { container: None }, &script).await.unwrap());
    let asked = script.asked();
    let said: Vec<(&str, &str)> = asked.iter().map(|asked| (asked.0.as_str(), asked.1.as_str())).collect();
    assert_eq!(
        said,
        [
            ("PUT", "http://169.254.169.254/latest/api/token"),
            ("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/"),
            ("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/my%20role"),
        ]
    );
    assert!(asked[0].header("x-aws-ec2-metadata-token-ttl-seconds").is_some());
    assert!(asked[1..].iter().all(|asked| asked.header("x-aws-ec2-metadata-token") == Some("tok")));
    let refused = fetch(AwsIdentity::InstanceRole { container: None }, &Scripted::new([(403, "")])).await;
    assert_eq!(refused.err().unwrap().to_string(), "the machine's metadata server refuses with status 403");
}

#[tokio::test]
async fn a_container_asks_its_host_and_nobody_far_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "Basic abc\n").unwrap();
    let container = |url: &str| AwsIdentity::InstanceRole {
        container: Some(AwsContainer { url: url.into(), token_file: Some(token_file.clone()) }),
    };
    let script = Scripted::new([(200, HANDED), (200, HANDED)]);
    for url in ["http://169.254.170.23/v1/credentials", "https://example.com/creds"] {
        assert_handed(&fetch(container(url), &script).await.unwrap());
    }
    assert_eq!(script.asked()[0].header("authorization"), Some("Basic abc"));
    let far = fetch(container("http://example.com/creds"), &Scripted::new([])).await.err().unwrap();
    assert!(far.to_string().contains("neither https nor"), "{far}");
}

#[tokio::test]
async fn a_role_is_assumed_with_the_token_of_the_moment() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "eyJ.x\n").unwrap();
    let identity = AwsIdentity::WebIdentity { role: "arn:aws:iam::1:role/r".into(), token_file };
    let refusal =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error></ErrorResponse>";
    let script = Scripted::new([(200, ASSUMED), (403, refusal)]);
    assert_handed(&fetch(identity.clone(), &script).await.unwrap());
    let asked = &script.asked()[0];
    assert_eq!((asked.0.as_str(), asked.1.as_str()), ("POST", "https://sts.eu-west-1.amazonaws.com/"));
    let fields = script.asked()[0].fields();
    assert_eq!(
        (fields["Action"].as_str(), fields["WebIdentityToken"].as_str()),
        ("AssumeRoleWithWebIdentity", "eyJ.x")
    );
    let refused = fetch(identity, &script).await.err().unwrap();
    assert_eq!(refused.to_string(), "AWS's token service refuses with status 403: AccessDenied: Not authorized");
}

/// A folder with the two shared files.
fn files(credentials: &str, config: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    std::fs::write(&file, credentials).unwrap();
    std::fs::write(folder.path().join("config"), config).unwrap();
    (folder, file)
}

fn profile(name: &str, file: &std::path::Path) -> AwsIdentity {
    AwsIdentity::Profile { name: name.into(), file: Some(file.to_owned()) }
}

#[tokio::test]
async fn profiles_hold_keys_and_lead_to_roles() {
    let secret = "s".repeat(40);
    let (_folder, file) = files(
        &format!(
            "# mine\n[default]\naws_access_key_id = ID\naws_secret_access_key={secret}\n\n[temporary]\naws_access_key_id=T\naws_secret_access_key={secret}\naws_session_token=session\n"
        ),
        "[default]\nregion = x\n[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = temporary\nexternal_id = e 1\ns3 =\n  max = 10\n[profile ring]\nrole_arn = a\nsource_profile = gnir\n[profile gnir]\nrole_arn = a\nsource_profile = ring\n[profile browser]\nsso_session = me\n[profile machine]\nrole_arn = b\ncredential_source = Ec2InstanceMetadata\n",
    );
    let own = fetch(profile("default", &file), &Scripted::new([])).await.unwrap();
    assert_eq!((own.value.id.as_str(), own.value.secret.expose()), ("ID", secret.as_str()));
    assert!(own.expires.is_some(), "a file may change");

    let script = Scripted::new([(200, ASSUMED)]);
    assert_handed(&fetch(profile("role", &file), &script).await.unwrap());
    let asked = &script.asked()[0];
    let fields = asked.fields();
    assert_eq!((fields["RoleArn"].as_str(), fields["ExternalId"].as_str()), ("arn:aws:iam::1:role/r", "e 1"));
    let authorization = asked.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=T/"), "{authorization}");
    assert!(authorization.contains("/eu-west-1/sts/aws4_request"));
    assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"));
    assert_eq!(asked.header("x-amz-security-token"), Some("session"));

    let script = Scripted::new([(200, "tok"), (200, "r"), (200, HANDED), (200, ASSUMED)]);
    assert_handed(&fetch(profile("machine", &file), &script).await.unwrap());

    for (name, words) in [
        ("nobody", "AWS's profile `nobody` does not exist"),
        (
            "browser",
            "AWS's profile `browser` is made by `sso_session`, which needs another program: use keys or a role",
        ),
    ] {
        assert_eq!(fetch(profile(name, &file), &Scripted::new([])).await.err().unwrap().to_string(), words);
    }
    let ring = fetch(profile("ring", &file), &Scripted::new([])).await.err().unwrap();
    assert!(ring.to_string().contains("too many other profiles"), "{ring}");
}
