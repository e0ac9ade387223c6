package io.satchel.app.library;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.FileRow;
import io.satchel.app.common.Lookup;
import io.satchel.app.open.Question;
import io.satchel.image.Answers;
import io.satchel.image.operation.Cancelled;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.PasswordField;
import javafx.scene.control.RadioButton;
import javafx.scene.control.ToggleGroup;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/**
 * Asks what the files of an image raise: where one is, whether it may be read, a pass phrase. What
 * was answered is used once and not stored.
 */
public final class Questions {

  /** Opens something, with what has been answered so far. */
  @FunctionalInterface
  public interface Opening<T> {
    T with(Answers answers) throws Exception;
  }

  private final Desktop desktop;
  private final Texts texts;
  private final Controls controls;

  public Questions(Desktop desktop) {
    this.desktop = desktop;
    texts = desktop.texts();
    controls = new Controls(texts);
  }

  /**
   * Opens something off the window's thread, and again with every answer.
   *
   * @param opened gets it, with all answers
   * @param failed gets what no answer helps against; {@link Cancelled} when the person gave up
   */
  public <T> void open(
      Answers known,
      Opening<T> opening,
      BiConsumer<T, Answers> opened,
      Consumer<IOException> failed) {
    Lookup.start(
        texts,
        () -> opening.with(known),
        found -> opened.accept(found, known),
        problem -> answer(problem, known, more -> open(more, opening, opened, failed), failed));
  }

  /**
   * Asks what {@code problem} raises.
   *
   * @param again gets the answers when there is one more
   * @param failed gets the problem when it raises no question; {@link Cancelled} when the person
   *     gave up
   */
  public void answer(
      IOException problem, Answers known, Consumer<Answers> again, Consumer<IOException> failed) {
    Lookup.start(
        texts,
        () -> java.util.Optional.ofNullable(Question.of(problem)),
        found ->
            found.ifPresentOrElse(
                question -> ask(question, known, again, failed), () -> failed.accept(problem)),
        failed);
  }

  private void ask(
      Question question, Answers known, Consumer<Answers> again, Consumer<IOException> failed) {
    switch (question) {
      case Question.Missing missing -> where(missing, "", known, again, failed);
      case Question.Outside outside -> {
        if (mayRead(outside)) {
          again.accept(known.withOutside(outside.image()));
        } else {
          failed.accept(new Cancelled());
        }
      }
      case Question.Locked locked -> {
        byte[] phrase = phrase(locked);
        if (phrase == null) {
          failed.accept(new Cancelled());
        } else {
          again.accept(known.withKey(locked.image(), phrase));
        }
      }
    }
  }

  private static Path name(Path file) {
    Path name = file.getFileName();
    return name == null ? file : name;
  }

  // --- A file that is not where it was ---

  private void where(
      Question.Missing missing,
      String wrong,
      Answers known,
      Consumer<Answers> again,
      Consumer<IOException> failed) {
    Path image = missing.image();
    FileRow row =
        new FileRow(
            texts,
            "below",
            "ask.missing.file",
            () -> desktop.pickImage(texts.get("ask.missing.file")),
            () -> {});
    RadioButton once = controls.radio("once", "ask.missing.once");
    RadioButton keep = controls.radio("keep", "ask.missing.keep", name(image));
    ToggleGroup group = new ToggleGroup();
    group.getToggles().addAll(once, keep);
    once.setSelected(true);
    Label named = Controls.paragraph(missing.name());
    named.getStyleClass().add("mono");
    List<Node> parts = new ArrayList<>();
    parts.add(controls.text("ask.missing.text", name(image)));
    parts.add(named);
    parts.add(row);
    if (!wrong.isEmpty()) {
      parts.add(warning(wrong));
    }
    if (missing.canKeep()) {
      parts.addAll(List.of(once, keep, controls.help("ask.missing.keep.help")));
    }
    VBox form = new VBox(12);
    form.getChildren().addAll(parts);
    Platform.runLater(row.input()::requestFocus);
    if (!Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("ask.missing.title", name(image)),
        form,
        texts.get("ask.missing.yes"))) {
      failed.accept(new Cancelled());
      return;
    }
    Path now = row.file();
    if (now == null || !Files.isRegularFile(now)) {
      where(missing, texts.get("ask.missing.none"), known, again, failed);
    } else if (keep.isSelected()) {
      Lookup.start(
          texts,
          () -> {
            missing.keep(now);
            return now;
          },
          _ -> again.accept(known.withOutside(image)),
          failed);
    } else {
      again.accept(missing.moved(known, now));
    }
  }

  private static Label warning(String text) {
    Label label = Controls.paragraph(text);
    label.getStyleClass().add("warning");
    label.setId("problem");
    return label;
  }

  // --- A file outside of the image's folder ---

  private boolean mayRead(Question.Outside outside) {
    Label file = Controls.paragraph(outside.file().toString());
    file.getStyleClass().add("mono");
    return Dialogs.danger(
        desktop.stage(),
        texts,
        texts.get("ask.outside.title", name(outside.image())),
        new VBox(
            12,
            controls.text("ask.outside.text", name(outside.image())),
            file,
            controls.help("ask.outside.help")),
        texts.get("ask.outside.yes"));
  }

  // --- A pass phrase ---

  private byte @Nullable [] phrase(Question.Locked locked) {
    PasswordField field = new PasswordField();
    field.setId("phrase");
    VBox form = new VBox(12, controls.text("ask.locked.text"));
    if (locked.wrong()) {
      form.getChildren().add(warning(texts.get("ask.locked.wrong")));
    }
    form.getChildren()
        .addAll(controls.field("ask.locked.phrase", field), controls.help("ask.locked.help"));
    Platform.runLater(field::requestFocus);
    return Dialogs.form(
            desktop.stage(),
            texts,
            texts.get("ask.locked.title", name(locked.image())),
            form,
            texts.get("ask.locked.yes"))
        ? field.getText().getBytes(StandardCharsets.UTF_8)
        : null;
  }
}
