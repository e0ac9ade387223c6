package io.satchel.app.wizard;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.FileRow;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Conversion;
import io.satchel.app.library.Desktop;
import io.satchel.app.wizard.Guide.GuidePage;
import io.satchel.image.FormatAdviser;
import io.satchel.image.Images;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import javafx.scene.control.Label;
import org.jspecify.annotations.Nullable;

/** Makes an empty disk: how large and in which format, where, and a summary. */
public final class NewDiskWizard {

  private static final double USUAL_GB = 8;

  private final Desktop desktop;
  private final Texts texts;
  private final Guide guide;
  private final DiskChoice disk;
  private final FileRow file;
  private final Label summary = Controls.paragraph("");

  public NewDiskWizard(Desktop desktop) {
    this.desktop = desktop;
    texts = desktop.texts();
    guide = new Guide(desktop, texts.get("newdisk.title"));
    GuidePage kind = guide.page("newdisk-kind", "newdisk.page.kind");
    GuidePage where = guide.page("newdisk-where", "newdisk.page.where");
    GuidePage last = guide.page("newdisk-summary", "newdisk.page.summary");
    disk = DiskChoice.all(texts, kind::refresh);
    disk.suggest(USUAL_GB);
    kind.content(disk).complete(disk::usable);
    file =
        new FileRow(
            texts,
            "newdisk-file",
            "newdisk.file",
            () ->
                desktop
                    .picker()
                    .save(
                        desktop.stage(),
                        texts.get("newdisk.file"),
                        "disk." + Conversion.extension(disk.format())),
            where::refresh);
    Label problem = Controls.paragraph("");
    problem.getStyleClass().add("bad");
    where
        .content(guide.controls().text("newdisk.where.text"), file, problem)
        .entering(this::suggest)
        .complete(
            () -> {
              String wrong = wrong(file.file());
              problem.setText(wrong);
              return wrong.isEmpty();
            });
    last.content(summary, guide.controls().help("create.nothing.yet"))
        .entering(
            () ->
                summary.setText(
                    texts.get(
                        "newdisk.summary",
                        file.file(),
                        Sizes.of(disk.bytes()),
                        texts.get("format." + disk.format()))));
  }

  private void suggest() {
    if (file.file() != null) {
      return;
    }
    String ending = "." + Conversion.extension(disk.format());
    Path folder = desktop.home();
    Path free = folder.resolve("disk" + ending);
    for (int i = 2; Files.exists(free); i++) {
      free = folder.resolve("disk-" + i + ending);
    }
    file.set(free);
  }

  private String wrong(@Nullable Path named) {
    if (named == null) {
      return texts.get("newdisk.unnamed");
    }
    if (Files.exists(named)) {
      return texts.get("newdisk.exists", named);
    }
    Path folder = named.toAbsolutePath().getParent();
    return folder != null && Files.isDirectory(folder) ? "" : texts.get("newdisk.nofolder", named);
  }

  /** Shows it; {@code made} follows when the disk is there. */
  public void show(Consumer<Path> made) {
    guide.show(() -> make(made));
  }

  private void make(Consumer<Path> made) {
    Path target = file.file();
    if (target == null) {
      return;
    }
    String format = disk.format();
    long bytes = disk.bytes();
    desktop
        .jobs()
        .start(
            texts.get("newdisk.job", target.getFileName()),
            _ -> {
              Images.create(target, format, bytes, FormatAdviser.options(format, bytes));
              return target;
            },
            new Jobs.Outcome<Path>() {
              @Override
              public void done(Path path) {
                made.accept(path);
              }

              @Override
              public void failed(IOException problem) {
                Dialogs.error(desktop.stage(), texts, problem);
              }
            });
  }
}
