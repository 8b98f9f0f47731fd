// Rows that a sum_squares still takes: a row is counted from when it is issued, many cycles before
// it comes.
module row_room (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic issued_i,
  input  logic last_i,     // of a vector
  input  logic taken_i,    // four rows
  input  logic summed_i,
  output logic ready_o,    // for a row in the next cycle, and for one in this cycle
  output logic settled_o   // the last sum is that of all rows issued
);
  localparam int unsigned Depth = 32;
  localparam int unsigned CountW = $clog2(Depth) + 1;
  logic [CountW-1:0] count_q;
  logic [1:0]        sums_q;
  logic              is_open_q;
  assign settled_o = !is_open_q && sums_q == '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q   <= '0;
      sums_q    <= '0;
      is_open_q <= 1'b0;
      ready_o   <= 1'b0;
    end else begin
      count_q <= count_q + CountW'(issued_i) - (taken_i ? CountW'(4) : '0);
      sums_q  <= sums_q + 2'(issued_i && last_i) - 2'(summed_i);
      if (issued_i) is_open_q <= !last_i;
      // One row may come before this is seen.
      ready_o <= count_q + CountW'(issued_i) < CountW'(Depth - 1);
    end
  end
endmodule
