package io.satchel.app.disks;

import io.satchel.app.common.Choices;
import io.satchel.app.common.FileRow;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Conversion;
import io.satchel.app.library.Desktop;
import io.satchel.image.OpenedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.ComboBox;

/** Writes a disk to a new file of another format; the old file stays as it is. */
public final class ConvertPage extends DiskPage {

  private final ComboBox<String> format;
  private final CheckBox compress;
  private final FileRow target;
  private final Button start;

  public ConvertPage(Desktop desktop, DiskFile file, Runnable back) {
    super(desktop, file, "convert.title", "convert.text", back);
    setId("convert");
    format = Choices.of("format", Conversion.FORMATS, each -> texts.get("format." + each));
    compress = controls.check("compress", "export.compress", false);
    compress.disableProperty().bind(format.valueProperty().isNotEqualTo("qcow2"));
    start = controls.button("start", "convert.start", this::convert);
    target =
        new FileRow(
            texts,
            "target",
            "convert.target",
            () -> desktop.picker().save(desktop.stage(), texts.get("convert.target"), suggestion()),
            this::ready);
    var advice = controls.help("format.qcow2.help");
    format
        .valueProperty()
        .addListener(
            (_, _, chosen) -> {
              advice.setText(texts.get("format." + chosen + ".help"));
              target.set(file.path().toAbsolutePath().resolveSibling(suggestion()));
            });
    format.getSelectionModel().selectFirst();
    subject(controls.field("export.format", format), advice, compress, target);
    buttons(start);
    ready();
  }

  private String suggestion() {
    String name = String.valueOf(file.path().getFileName());
    int dot = name.lastIndexOf('.');
    String base = dot > 0 ? name.substring(0, dot) : name;
    String ending = "." + Conversion.extension(format.getValue());
    String plain = base + ending;
    return plain.equals(name) ? base + "-2" + ending : plain;
  }

  private void ready() {
    Path named = target.file();
    boolean taken = named != null && Files.exists(named);
    start.setDisable(named == null || taken);
    if (taken) {
      outcome(texts.get("newdisk.exists", named), false);
    } else {
      outcome("", true);
    }
  }

  private void convert() {
    Path to = target.file();
    if (to == null) {
      return;
    }
    String kind = format.getValue();
    boolean packed = compress.isSelected() && kind.equals("qcow2");
    work(
        texts.get("export.job", file.name(), to.getFileName()),
        progress -> {
          try (OpenedImage source = file.open()) {
            Conversion.run(source, to, kind, packed, progress);
          }
          return Files.size(to);
        },
        size -> {
          buttons();
          outcome(texts.get("export.done", to, Sizes.of(size)), true);
        });
  }
}
