package io.satchel.app.disks;

import io.satchel.app.common.FileRow;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javafx.scene.control.Button;
import javafx.scene.control.PasswordField;

/** Encrypts a disk into a new file, or changes the pass phrase of one that is encrypted. */
public final class EncryptPage extends DiskPage {

  private static final double WIDTH = 320;

  private final Encrypting encrypting;
  private final NewPhrase phrase;
  private final FileRow target;
  private final PasswordField old = new PasswordField();
  private final Button start;
  private final Button change;

  public EncryptPage(Desktop desktop, DiskFile file, Runnable back) {
    super(desktop, file, "encrypt.title", "encrypt.text", back);
    setId("encrypt");
    encrypting = new Encrypting(desktop.library(), file);
    phrase = new NewPhrase(texts, this::ready);
    old.setId("old-phrase");
    old.setMaxWidth(WIDTH);
    old.textProperty().addListener((_, _, _) -> ready(""));
    start = controls.button("start", "encrypt.start", this::encrypt);
    change = controls.button("change", "phrase.change", this::change);
    target =
        new FileRow(
            texts,
            "target",
            "convert.target",
            () -> desktop.picker().save(desktop.stage(), texts.get("convert.target"), name()),
            () -> ready(""));
    find(encrypting::look, this::show);
  }

  private String name() {
    String name = String.valueOf(file.path().getFileName());
    int dot = name.lastIndexOf('.');
    return (dot > 0 ? name.substring(0, dot) : name) + "-encrypted.qcow2";
  }

  private void show(Encrypting.State state) {
    switch (state) {
      case LOCKED -> {
        subject(controls.text("phrase.text"), controls.field("phrase.old", old), phrase);
        buttons(change);
      }
      case HELD -> outcome(texts.get("encrypt.snapshots"), false);
      case PLAIN, OLD -> {
        Path own = encrypting.ofMachine();
        if (own != null) {
          target.set(own);
          subject(controls.text("encrypt.machine"), phrase);
          buttons(start);
          break;
        }
        target.set(file.path().toAbsolutePath().resolveSibling(name()));
        subject(
            controls.text(state == Encrypting.State.OLD ? "encrypt.old" : "encrypt.copy"),
            phrase,
            target);
        buttons(start);
      }
    }
    if (state != Encrypting.State.HELD) {
      ready("");
    }
  }

  private void ready(String wrong) {
    Path named = target.file();
    boolean taken = named != null && Files.exists(named);
    start.setDisable(!phrase.usable() || named == null || taken);
    change.setDisable(!phrase.usable() || old.getText().isEmpty());
    outcome(taken ? texts.get("newdisk.exists", named) : wrong, false);
  }

  private void encrypt() {
    Path to = target.file();
    if (to == null) {
      return;
    }
    byte[] secret = phrase.bytes();
    work(
        texts.get("encrypt.job", file.name()),
        progress -> {
          encrypting.run(to, secret, progress);
          return Files.size(to);
        },
        size -> {
          phrase.clear();
          subject();
          buttons();
          outcome(texts.get("encrypt.done", to, Sizes.of(size)), true);
        });
  }

  private void change() {
    byte[] before = old.getText().getBytes(StandardCharsets.UTF_8);
    byte[] after = phrase.bytes();
    if (old.getText().getBytes(StandardCharsets.UTF_8).length == after.length
        && java.util.Arrays.equals(before, after)) {
      outcome(texts.get("phrase.same"), false);
      return;
    }
    work(
        texts.get("phrase.job", file.name()),
        _ -> {
          encrypting.change(before, after);
          return file.path();
        },
        _ -> {
          phrase.clear();
          old.clear();
          subject();
          buttons();
          outcome(texts.get("phrase.done"), true);
        });
  }
}
