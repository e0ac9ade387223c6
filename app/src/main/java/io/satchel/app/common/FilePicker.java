package io.satchel.app.common;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import javafx.stage.DirectoryChooser;
import javafx.stage.FileChooser;
import javafx.stage.Window;
import org.jspecify.annotations.Nullable;

/** How a person names a file; a test names it without a dialog. */
public interface FilePicker {

  /** The host's own dialogs. */
  FilePicker NATIVE = new Native();

  /** A file that is there, or null. */
  @Nullable Path open(
      @Nullable Window owner, String title, List<FileChooser.ExtensionFilter> kinds);

  /** A file to be written, or null; the dialog has asked about replacing one that is there. */
  @Nullable Path save(@Nullable Window owner, String title, String suggested);

  /** A folder, or null. */
  @Nullable Path folder(@Nullable Window owner, String title);

  /** The host's own dialogs. */
  final class Native implements FilePicker {

    private Native() {}

    @Override
    public @Nullable Path open(
        @Nullable Window owner, String title, List<FileChooser.ExtensionFilter> kinds) {
      FileChooser chooser = new FileChooser();
      chooser.setTitle(title);
      chooser.getExtensionFilters().addAll(kinds);
      return path(chooser.showOpenDialog(owner));
    }

    @Override
    public @Nullable Path save(@Nullable Window owner, String title, String suggested) {
      FileChooser chooser = new FileChooser();
      chooser.setTitle(title);
      chooser.setInitialFileName(suggested);
      return path(chooser.showSaveDialog(owner));
    }

    @Override
    public @Nullable Path folder(@Nullable Window owner, String title) {
      DirectoryChooser chooser = new DirectoryChooser();
      chooser.setTitle(title);
      return path(chooser.showDialog(owner));
    }

    private static @Nullable Path path(@Nullable File file) {
      return file == null ? null : file.toPath();
    }
  }
}
