// Cuts a stream in two: neither data and valid nor ready pass in the same cycle. A word a cycle
// still goes through, because a second register takes what comes in the cycle of a stall.
module spill_register #(
  parameter int unsigned Width = 32
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);
  logic head_valid_q, spare_valid_q, advance;
  logic [Width-1:0] head_q, spare_q;
  assign advance = !head_valid_q || ready_i;
  assign ready_o = !spare_valid_q;
  assign valid_o = head_valid_q;
  assign data_o = head_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_valid_q <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (advance) begin
      head_valid_q <= spare_valid_q || valid_i;
      spare_valid_q <= 1'b0;
    end else if (valid_i) begin
      spare_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance) head_q <= spare_valid_q ? spare_q : data_i;
    if (ready_o) spare_q <= data_i;
  end

`ifdef FORMAL
  // Words inside are the last `count` that came, oldest first.
  logic started_q = 1'b0;
  logic [1:0] count_q;
  logic [Width-1:0] last_q, before_q;
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) count_q <= '0;
    else count_q <= count_q + 2'(valid_i && ready_o) - 2'(valid_o && ready_i);
    if (valid_i && ready_o) begin
      last_q <= data_i;
      before_q <= last_q;
    end
  end
  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      assert (count_q == 2'(head_valid_q) + 2'(spare_valid_q));
      assert (head_valid_q || !spare_valid_q);
      if (head_valid_q) assert (head_q == (spare_valid_q ? before_q : last_q));
      if (spare_valid_q) assert (spare_q == last_q);
      if (count_q < 2) assert (ready_o);
      if (count_q != 0) assert (valid_o);
    end
  end
`endif
endmodule
