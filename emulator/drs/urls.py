"""Where moto finds DRS."""

from .responses import DRSResponse

url_bases = [r"https?://drs(-fips)?\.(.+)\.(amazonaws\.com|api\.aws)"]
url_paths = {"{0}/.*$": DRSResponse.dispatch}
