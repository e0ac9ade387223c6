package io.satchel.app.disks;

import io.satchel.app.common.Dialogs;
import io.satchel.app.library.Desktop;
import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.CheckReport;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import javafx.scene.control.Button;
import javafx.scene.control.TextArea;

/** Looks for contradictions in a disk's file, and repairs them when that is wanted. */
public final class CheckPage extends DiskPage {

  private static final int LINES = 6;

  private final Button start;
  private final Button repair;

  public CheckPage(Desktop desktop, DiskFile file, Runnable back) {
    super(desktop, file, "check.title", "check.text", back);
    setId("check");
    start = controls.button("start", "check.start", () -> run(false));
    repair = controls.button("repair", "check.repair", this::askToRepair);
    find(
        () -> Images.probe(file.path()),
        format -> {
          if (format.equals("qcow2")) {
            buttons(start);
          } else {
            outcome(texts.get("check.unsupported"), true);
          }
        });
  }

  private void askToRepair() {
    if (Dialogs.confirm(
        desktop.stage(), texts, "check.repair.title", "check.repair.text", "check.repair")) {
      run(true);
    }
  }

  private void run(boolean mend) {
    work(texts.get("check.job", file.name()), _ -> check(mend), report -> show(report, mend));
  }

  private CheckReport check(boolean mend) throws IOException {
    try (HostFile opened = HostFile.open(file.path(), mend, HostFile.Locking.YES);
        Qcow2Device device = Formats.QCOW2.open(opened, Purpose.INSPECT)) {
      CheckReport report = device.check(mend, mend);
      return mend ? device.check(false, false) : report;
    }
  }

  private void show(CheckReport report, boolean mended) {
    if (report.corruptions() == 0 && report.leaks() == 0 && report.checkErrors() == 0) {
      outcome(texts.get(mended ? "check.mended" : "check.good"), true);
      subject();
      buttons();
      return;
    }
    outcome(
        report.corruptions() > 0 || report.checkErrors() > 0
            ? texts.get("check.corrupt", report.corruptions() + report.checkErrors())
            : texts.get("check.leaks", report.leaks()),
        false);
    TextArea details = new TextArea(String.join("\n", report.messages()));
    details.setEditable(false);
    details.setPrefRowCount(LINES);
    details.setAccessibleText(texts.get("check.details"));
    subject(controls.field("check.details", details));
    buttons(start, repair);
  }
}
