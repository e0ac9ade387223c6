package io.satchel.app.settings;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Page;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.settings.QemuCommand.Parsed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.TextArea;
import javafx.scene.control.TextField;
import org.jspecify.annotations.Nullable;

/** A pasted QEMU line becomes a machine. */
public final class QemuPage extends Page {

  private static final int LINES = 6;

  private final Desktop desktop;
  private final Consumer<Entry> made;
  private final TextArea line = new TextArea();
  private final TextField name = new TextField();
  private final Label understood = Controls.paragraph("");
  private final Button add;
  private @Nullable Parsed parsed;

  public QemuPage(Desktop desktop, Consumer<Entry> made, Runnable back) {
    super(desktop.texts(), desktop.texts().get("qemu.title"), back);
    this.desktop = desktop;
    this.made = made;
    setId("qemu");
    line.setId("line");
    line.setWrapText(true);
    line.setPrefRowCount(LINES);
    line.getStyleClass().add("mono");
    name.setId("name");
    understood.setId("understood");
    add = controls.button("add", "qemu.add", this::make);
    add(
        controls.text("qemu.text"),
        controls.field("qemu.line", line),
        understood,
        controls.field("create.name", name));
    actions(add);
    line.textProperty().addListener((_, _, _) -> read());
    name.textProperty().addListener((_, _, _) -> ready());
    ready();
  }

  @Override
  public void focusFirst() {
    line.requestFocus();
  }

  private void read() {
    parsed = null;
    understood.setText("");
    String text = line.getText().strip();
    if (!text.isEmpty()) {
      try {
        Parsed found = QemuCommand.parse(text, desktop.home());
        parsed = found;
        if (!found.machine().name().isBlank()) {
          name.setText(found.machine().name());
        }
        understood.setText(describe(found));
      } catch (IllegalArgumentException _) {
        understood.setText(texts.get("qemu.none"));
      }
    }
    ready();
  }

  private String describe(Parsed found) {
    MachineFile machine = found.machine();
    StringBuilder text = new StringBuilder();
    text.append(
        texts.get(
            "qemu.understood",
            machine.memoryMib(),
            texts.get("processor." + machine.processor()),
            machine.disks().size()));
    for (String file : files(machine)) {
      if (!Files.isRegularFile(Path.of(file))) {
        text.append('\n').append(texts.get("qemu.missing", file));
      }
    }
    if (!found.ignored().isEmpty()) {
      text.append('\n').append(texts.get("qemu.ignored", String.join("   ", found.ignored())));
    }
    return text.toString();
  }

  private static List<String> files(MachineFile machine) {
    List<String> files = new ArrayList<>(machine.disks().stream().map(Disk::file).toList());
    for (String each : new String[] {machine.cd(), machine.floppyA(), machine.floppyB()}) {
      if (each != null) {
        files.add(each);
      }
    }
    return files;
  }

  private void ready() {
    add.setDisable(parsed == null || name.getText().isBlank());
  }

  private void make() {
    Parsed found = parsed;
    if (found == null) {
      return;
    }
    try {
      Path folder = desktop.library().newFolder(name.getText());
      made.accept(desktop.library().save(folder, found.machine().withName(name.getText().strip())));
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }
}
