// Settings of Node-RED for the flow in flow.json: no editor, nothing fetched, nothing told to anybody, and the counts on disk.
module.exports = {
  flowFile: 'flow.json',
  httpAdminRoot: false, // and no way in; with '/' the editor is there, which asks for a password of its own (adminAuth)
  httpNodeRoot: false,
  telemetry: { enabled: false, updateNotification: false },
  externalModules: { autoInstall: false, palette: { allowInstall: false, allowUpload: false }, modules: { allowInstall: false } },
  editorTheme: { tours: false, palette: { catalogues: [] } },
  functionExternalModules: false,
  contextStorage: { default: { module: 'localfilesystem', config: { flushInterval: 1 } } },
  mqttReconnectTime: 2000,
  logging: { console: { level: 'info', metrics: false, audit: false } },
}
