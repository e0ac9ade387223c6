package io.satchel.app.disks;

import io.satchel.app.common.Controls;
import io.satchel.app.library.Desktop;
import javafx.scene.Node;
import javafx.scene.control.Label;

/** A page about one disk. */
abstract class DiskPage extends WorkPage {

  protected final DiskFile file;

  DiskPage(Desktop desktop, DiskFile file, String titleKey, String textKey, Runnable back) {
    super(
        desktop,
        desktop.texts().get(titleKey, file.name()),
        back,
        Controls.paragraph(desktop.texts().get(textKey)),
        where(file));
    this.file = file;
  }

  private static Node where(DiskFile file) {
    Label where = Controls.paragraph(file.path().toString());
    where.getStyleClass().add("quiet");
    return where;
  }

  @Override
  String untouched() {
    return texts.get("disk.unchanged", file.path());
  }
}
