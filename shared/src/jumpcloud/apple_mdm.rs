//! Apple MDM: how JumpCloud reaches Macs, which its agent's shutdown command is not documented for.

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use serde_with::apply;

use super::{
    client::{Reader, Writer},
    list::Listed,
    model::{PAGE, checked, lenient},
    retry::Effect,
};
use crate::error::{Error, ErrorType::UnexpectedResponse};

/// What an id is of, in words.
const WHAT: &str = "an Apple MDM, or a device of one,";

#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
struct AppleMdm {
    id: Option<String>,
}

/// A device as an Apple MDM knows it; what leads to the `system` of the same device is the serial number.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct MdmDevice {
    id: Option<String>,
    serial_number: Option<String>,
    /// Whether the MDM may command it.
    pub enrolled: Option<bool>,
    /// Whether it is registered with Apple's Automated Device Enrollment (DEP).
    pub dep_registered: Option<bool>,
    /// The MDM that knows it.
    #[serde(skip)]
    mdm_id: String,
}

impl Reader<'_> {
    /// `GET /v2/applemdms`, then `GET /v2/applemdms/{id}/devices` of each: the devices with this serial number. `None`
    /// where the organization has no Apple MDM.
    ///
    /// # Errors
    /// `UnexpectedResponse` where not all could be read: one that is missing may be the second of that number.
    pub async fn mdm_devices(&self, serial_number: &str) -> Result<Option<Vec<MdmDevice>>, Error> {
        let whole = |truncated: bool| {
            match truncated {
            true => Err(UnexpectedResponse.error("JumpCloud lists more than 1,000 Apple MDMs or devices of one serial number; nothing was changed by this call")),
            false => Ok(()),
        }
        };
        // Without a limit the answer is one MDM.
        let mdms: Listed<AppleMdm> = self.list("/v2/applemdms", "", PAGE).await?;
        whole(mdms.truncated)?;
        if mdms.items.is_empty() {
            return Ok(None);
        }
        // Documented among the fields to filter by. What else could stand in the number would have to be encoded.
        let plain = serial_number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let query = if plain { format!("&filter=serialNumber:eq:{serial_number}") } else { String::new() };
        let devices = try_join_all(mdms.items.iter().map(async |mdm| {
            let mdm_id = checked(mdm.id.as_deref(), WHAT)?;
            let path = format!("/v2/applemdms/{mdm_id}/devices");
            let devices: Listed<MdmDevice> = self.list(&path, &query, PAGE).await?;
            whole(devices.truncated)?;
            // Compared again, as everywhere: an answer that ignored the filter holds all devices.
            let same = |device: &MdmDevice| {
                device.serial_number.as_deref().is_some_and(|its| its.trim().eq_ignore_ascii_case(serial_number))
            };
            let devices = devices.items.into_iter().filter(same);
            Ok::<_, Error>(devices.map(|device| MdmDevice { mdm_id: mdm_id.to_owned(), ..device }).collect::<Vec<_>>())
        }));
        Ok(Some(devices.await?.concat()))
    }
}

impl Writer<'_> {
    /// `POST /v2/applemdms/{id}/devices/{id}/shutdown`: documented for devices of Automated Device Enrollment. Sent again
    /// only when it surely did not arrive.
    pub async fn shutdown_by_mdm(&self, device: &MdmDevice) -> Result<(), Error> {
        let (mdm, device) = (checked(Some(&device.mdm_id), WHAT)?, checked(device.id.as_deref(), WHAT)?);
        let path = format!("/v2/applemdms/{mdm}/devices/{device}/shutdown");
        self.command(path, Some(json!({})), Effect::Once).await
    }
}
