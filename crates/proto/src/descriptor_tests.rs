//! That the wire documents itself: what reflection shows is what the comments say.

use prost_reflect::{DescriptorPool, prost_types::FileDescriptorProto};

/// Descriptors of our own files, not of what they import.
fn files() -> Vec<FileDescriptorProto> {
    let pool = DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
    let ours = pool.files().filter(|file| file.package_name().starts_with("backlog."));
    ours.map(|file| file.file_descriptor_proto().clone()).collect()
}

fn comment<'a>(file: &'a FileDescriptorProto, path: &[i32]) -> &'a str {
    let locations = &file.source_code_info.as_ref().unwrap().location;
    let location = locations.iter().find(|location| location.path == path);
    location.map(|location| location.leading_comments().trim()).unwrap_or_default()
}

/// Every reason an error can carry tells what happened and what to do, as whole sentences.
#[test]
fn every_error_reason_is_documented() {
    let files = files();
    let file = files.iter().find(|f| f.name().ends_with("common/v1/reasons.proto")).unwrap();
    let reasons = file.enum_type.first().unwrap();
    assert!(reasons.value.len() > 20);
    for (index, value) in reasons.value.iter().enumerate() {
        // 5: the file's enums; 2: the values of an enum.
        let text = comment(file, &[5, 0, 2, i32::try_from(index).unwrap()]);
        assert!(text.ends_with('.') && text.len() > 5, "{}: {text:?}", value.name());
    }
}

/// Every RPC tells what it does.
#[test]
fn every_rpc_is_documented() {
    let mut rpcs = 0;
    for file in files() {
        for (s, service) in file.service.iter().enumerate() {
            for (m, method) in service.method.iter().enumerate() {
                // 6: the file's services; 2: the methods of a service.
                let path = [6, i32::try_from(s).unwrap(), 2, i32::try_from(m).unwrap()];
                let text = comment(&file, &path);
                assert!(text.ends_with('.'), "{}.{}: {text:?}", service.name(), method.name());
                rpcs += 1;
            }
        }
    }
    assert!(rpcs >= 19, "{rpcs}");
}
