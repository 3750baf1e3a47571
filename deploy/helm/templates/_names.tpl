{{- define "nicety.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}{{ end }}
{{- end }}

{{- define "nicety.labels" -}}
app.kubernetes.io/name: nicety
{{- end }}
