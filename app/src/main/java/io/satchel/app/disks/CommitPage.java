package io.satchel.app.disks;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javafx.scene.control.Button;
import javafx.scene.control.Label;

/** Merges a disk that holds only differences into the one below it. */
public final class CommitPage extends DiskPage {

  private final Merging merging;
  private final Button start;

  public CommitPage(Desktop desktop, DiskFile file, Runnable back) {
    super(desktop, file, "commit.title", "commit.text", back);
    setId("commit");
    merging = new Merging(file);
    start = controls.button("start", "commit.start", this::ask);
    find(this::found, this::show);
  }

  private record Found(Merging.Found merging, List<String> others) {}

  private Found found() throws IOException {
    Merging.Found found = merging.look();
    return new Found(found, found.base() == null ? List.of() : others(found.base()));
  }

  /** The other computers that read {@code base} and would find another disk there. */
  private List<String> others(Path base) throws IOException {
    List<String> names = new ArrayList<>();
    for (Entry each : desktop.library().list()) {
      Entry own = file.entry();
      boolean same = own != null && own.folder().equals(each.folder());
      if (!same && Library.uses(each, base)) {
        names.add(each.name());
      }
    }
    return names;
  }

  private void show(Found found) {
    Path base = found.merging.base();
    String obstacle = found.merging.obstacle();
    if (base == null || obstacle != null) {
      outcome(texts.get(obstacle == null ? "commit.alone" : obstacle, base), false);
      return;
    }
    Label below = Controls.paragraph(base.toString());
    below.getStyleClass().add("mono");
    subject(
        controls.text("commit.into", Sizes.of(found.merging.bytes())),
        below,
        controls.help("commit.others"));
    if (!found.others.isEmpty()) {
      outcome(texts.get("commit.used", String.join(", ", found.others)), false);
      return;
    }
    buttons(start);
  }

  private void ask() {
    if (Dialogs.confirm(
        desktop.stage(), texts, "commit.sure.title", "commit.sure.text", "commit.start")) {
      work(
          texts.get("commit.job", file.name()),
          progress -> {
            merging.run(progress);
            return file.path();
          },
          _ -> {
            subject();
            buttons();
            outcome(texts.get("commit.done"), true);
          });
    }
  }

  @Override
  String untouched() {
    return texts.get("commit.broken");
  }
}
