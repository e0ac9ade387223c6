package io.satchel.app.export;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Conversion;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.Answers;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import javafx.scene.Node;
import javafx.scene.control.CheckBox;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.layout.VBox;

/** Asks for a format and a file, and writes one disk of a computer there, or all of it. */
public final class ExportDialog {

  /** The whole computer, not one disk. */
  private static final String APPLIANCE = "ova";

  private final Desktop desktop;
  private final Texts texts;
  private final Consumer<String> said;

  /**
   * @param said hears what came of it, in a sentence
   */
  public ExportDialog(Desktop desktop, Consumer<String> said) {
    this.desktop = desktop;
    texts = desktop.texts();
    this.said = said;
  }

  /**
   * Asks, and begins the work.
   *
   * @param answers what was answered to questions that its disks raised
   */
  public void show(Entry entry, Answers answers) {
    List<Disk> disks = entry.machine().disks();
    String title = texts.get("export.title", entry.name());
    if (disks.isEmpty()) {
      Dialogs.tell(desktop.stage(), texts, title, texts.get("export.none"));
      return;
    }
    Controls controls = new Controls(texts);
    ComboBox<Disk> which =
        Choices.of("disk", disks, disk -> "" + entry.resolve(disk.file()).getFileName());
    which.getSelectionModel().selectFirst();
    List<String> formats = new ArrayList<>(Conversion.FORMATS);
    formats.add(APPLIANCE);
    ComboBox<String> format = Choices.of("format", formats, each -> texts.get("format." + each));
    CheckBox compress = controls.check("compress", "export.compress", false);
    compress.disableProperty().bind(format.valueProperty().isNotEqualTo("qcow2"));
    which.disableProperty().bind(format.valueProperty().isEqualTo(APPLIANCE));
    Label advice = controls.help("format.qcow2.help");
    format
        .valueProperty()
        .addListener((_, _, chosen) -> advice.setText(texts.get("format." + chosen + ".help")));
    format.getSelectionModel().selectFirst();
    List<Node> parts = new ArrayList<>();
    parts.add(controls.field("export.format", format));
    parts.add(advice);
    if (disks.size() > 1) {
      parts.add(controls.field("export.disk", which));
    }
    parts.add(compress);
    parts.add(controls.help("export.untouched"));
    VBox form = new VBox(12, parts.toArray(Node[]::new));
    if (!Dialogs.form(desktop.stage(), texts, title, form, texts.get("export.yes"))) {
      return;
    }
    String kind = format.getValue();
    Path target =
        desktop
            .picker()
            .save(
                desktop.stage(),
                title,
                entry.folder().getFileName() + "." + Conversion.extension(kind));
    if (target != null) {
      boolean packed = compress.isSelected() && kind.equals("qcow2");
      Disk disk = which.getValue();
      desktop
          .jobs()
          .start(
              texts.get("export.job", entry.name(), target.getFileName()),
              progress -> write(entry, disk, answers, target, kind, packed, progress),
              Jobs.told(
                  desktop.stage(),
                  texts,
                  said,
                  size -> texts.get("export.done", target, Sizes.of(size))));
    }
  }

  private static long write(
      Entry entry,
      Disk disk,
      Answers answers,
      Path target,
      String kind,
      boolean packed,
      Progress progress)
      throws IOException {
    if (kind.equals(APPLIANCE)) {
      Appliance.write(entry, answers, target, progress);
    } else {
      try (OpenedImage source = Library.open(entry, disk, answers)) {
        Conversion.run(source, target, kind, packed, progress);
      }
    }
    return Files.size(target);
  }
}
