//! The style sheet of the page of posts, light and dark.

/// The complete style sheet, as one string.
pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#eef1f4;--card:#fff;--ink:#17202a;--soft:#55616d;--line:#d7dde3;--act:#0b57a4;--well:#f5f7f9}\
@media(prefers-color-scheme:dark){:root{--ground:#0f1419;--card:#182028;--ink:#e9eef3;--soft:#a3b0bc;--line:#2c3742;--act:#8cc4ff;--well:#202a34}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}\
main{max-width:72rem;margin:0 auto;padding:1.5rem 1rem 4rem}\
h1{font-size:1.375rem;margin:0}\
.soft{color:var(--soft);margin:.25rem 0 1.25rem}\
nav{display:flex;flex-wrap:wrap;gap:.5rem;margin:0 0 1.5rem}\
nav a{border:1px solid var(--line);border-radius:99rem;padding:.125rem .75rem;background:var(--card);text-decoration:none;font-size:.875rem}\
nav a[aria-current]{background:var(--act);border-color:var(--act);color:var(--card)}\
nav span{opacity:.75}\
.wall{columns:20rem;column-gap:1rem}\
article{break-inside:avoid;background:var(--card);border:1px solid var(--line);border-top:.25rem solid var(--brand,var(--act));border-radius:.875rem;padding:1rem 1.25rem;margin:0 0 1rem;overflow-wrap:anywhere}\
header{display:flex;gap:.75rem;align-items:center;margin:0 0 .75rem}\
.face{flex:none;width:2.5rem;height:2.5rem;border-radius:50%;background:var(--brand,var(--act));color:#fff;display:grid;place-items:center;font-weight:700}\
.chat .face,.machine .face{border-radius:.625rem}\
h2{font-size:1rem;line-height:1.3;margin:0}\
time{white-space:nowrap}\
.meta{color:var(--soft);font-size:.875rem;margin:0}\
.text{white-space:pre-wrap;margin:0 0 .75rem}\
.phone .text{background:var(--well);border-radius:1rem 1rem 1rem .25rem;padding:.625rem .875rem}\
.machine .text{border-inline-start:.1875rem solid var(--line);padding-inline-start:.75rem}\
.title{font-weight:650;margin:0 0 .5rem}\
.article .title{font-size:1.25rem;line-height:1.35}\
figure{margin:0 0 .75rem}\
figure img{display:block;max-width:100%;max-height:20rem;border-radius:.625rem;margin:0 auto}\
figure .gap{background:var(--well);border:1px dashed var(--line);border-radius:.625rem;padding:1.25rem;text-align:center;color:var(--soft)}\
figcaption{color:var(--soft);font-size:.8125rem;margin:.375rem 0 0}\
.acts{display:flex;flex-wrap:wrap;gap:.5rem;margin:0 0 .75rem}\
.acts a{display:inline-block;min-height:2.25rem;border-radius:.5rem;padding:.25rem .875rem;background:var(--act);color:var(--card);text-decoration:none;font-weight:600}\
.id{color:var(--soft);font-size:.75rem;margin:0;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\
a{color:var(--act)}\
a:focus-visible{outline:3px solid var(--act);outline-offset:2px}\
.webhook{--brand:#4b5563}.slack{--brand:#6b2a6d}.discord{--brand:#5865f2}.mattermost{--brand:#1e325c}.wecom{--brand:#2267d8}.dingtalk{--brand:#0a6ccf}\
.feishu{--brand:#2a5fe0}.mastodon{--brand:#563acc}.bluesky{--brand:#0a66d6}.telegram{--brand:#1f7fb8}.teams{--brand:#5558af}\
.matrix{--brand:#0b7a5c}.ntfy{--brand:#2d7a72}.twilio{--brand:#c4233a}.aliyun_sms{--brand:#c25500}.x{--brand:#454f59}\
.linkedin{--brand:#0a66c2}.facebook{--brand:#0866cf}.threads{--brand:#5a5a5a}.reddit{--brand:#c93c00}.pinterest{--brand:#c60a20}\
.wechat,.wechat_template{--brand:#087a3e}.weibo{--brand:#c8281e}.douyin{--brand:#b3123f}";
