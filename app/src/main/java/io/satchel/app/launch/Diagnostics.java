package io.satchel.app.launch;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.DataFolder;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library.Entry;
import io.satchel.image.NewFile;
import io.satchel.image.operation.Cancelled;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javafx.scene.control.Label;
import javafx.scene.layout.VBox;

/**
 * Everything that helps to find a fault, in one zip of plain text files that the person reads
 * before sending it. No disk's content is in it, and the person's folder is written as a tilde.
 */
final class Diagnostics {

  /** Logs are bounded; this holds also for a file that grew by another hand. */
  private static final long LONGEST = 2 << 20;

  private final Desktop desktop;
  private final DataFolder data;

  Diagnostics(Desktop desktop, DataFolder data) {
    this.desktop = desktop;
    this.data = data;
  }

  /** Says what would be in it, asks for the file, and writes it. */
  void ask(Consumer<String> said) {
    var texts = desktop.texts();
    Controls controls = new Controls(texts);
    Label list = Controls.paragraph(texts.get("diagnostics.contents"));
    list.getStyleClass().add("quiet");
    VBox content = new VBox(10, controls.text("diagnostics.text"), list);
    if (!Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("library.diagnostics"),
        content,
        texts.get("diagnostics.save"))) {
      return;
    }
    Path target =
        desktop
            .picker()
            .save(desktop.stage(), texts.get("library.diagnostics"), "satchel-diagnostics.zip");
    if (target == null) {
      return;
    }
    desktop
        .jobs()
        .start(
            texts.get("library.diagnostics"),
            progress -> {
              write(target);
              if (!progress.at(1, 1)) {
                throw new Cancelled();
              }
              return target;
            },
            new Jobs.Outcome<Path>() {
              @Override
              public void done(Path written) {
                said.accept(texts.get("diagnostics.done", written));
              }

              @Override
              public void failed(IOException problem) {
                Dialogs.error(desktop.stage(), texts, problem);
              }
            });
  }

  /** Writes the zip; it is there under its name only when it is whole. */
  void write(Path target) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, String> file : contents().entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue().getBytes(StandardCharsets.UTF_8));
        zip.closeEntry();
      }
    }
    try (NewFile file = NewFile.at(target)) {
      file.storage().write(0, ByteBuffer.wrap(bytes.toByteArray()));
      file.keep();
    }
  }

  /** The files by name. */
  Map<String, String> contents() throws IOException {
    Map<String, String> files = new LinkedHashMap<>();
    files.put("system.txt", system());
    put(files, "settings.json", data.settings());
    for (Entry entry : desktop.library().list()) {
      put(files, "machines/" + entry.folder().getFileName() + ".json", entry.json());
    }
    if (Files.isDirectory(data.logs())) {
      try (Stream<Path> logs = Files.list(data.logs())) {
        for (Path log : logs.filter(each -> each.toString().endsWith(".log")).sorted().toList()) {
          put(files, "logs/" + log.getFileName(), log);
        }
      }
    }
    return files;
  }

  private void put(Map<String, String> files, String name, Path file) throws IOException {
    if (Files.isRegularFile(file) && Files.size(file) < LONGEST) {
      files.put(name, plain(new String(Files.readAllBytes(file), StandardCharsets.UTF_8)));
    }
  }

  private String plain(String text) {
    String home = desktop.home().toString();
    return text.replace(home, "~").replace(home.replace("\\", "\\\\"), "~");
  }

  private String system() {
    Runtime host = Runtime.getRuntime();
    StringBuilder text = new StringBuilder();
    for (String key :
        new String[] {
          "os.name",
          "os.version",
          "os.arch",
          "java.version",
          "java.vm.name",
          "javafx.version",
          "user.language",
          "glass.platform",
          "prism.order"
        }) {
      text.append(key).append(": ").append(System.getProperty(key, "-")).append('\n');
    }
    text.append("processors: ").append(host.availableProcessors()).append('\n');
    text.append("memory for Satchel: ").append(Sizes.of(host.maxMemory())).append('\n');
    text.append("data: ").append(plain(data.path().toString())).append('\n');
    text.append("portable: ").append(data.portable()).append('\n');
    return text.toString();
  }
}
