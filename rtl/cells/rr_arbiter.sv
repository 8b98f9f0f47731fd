// Merges Inputs streams into one. The input behind the last one that was served comes first, so
// each waits for at most Inputs - 1 words of others. An offer stays until it is taken.
module rr_arbiter #(
  parameter int unsigned Inputs = 4,
  parameter int unsigned Width = 32,
  localparam int unsigned IndexW = (Inputs > 1) ? $clog2(Inputs) : 1
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic [Inputs-1:0]       valid_i,
  output logic [Inputs-1:0]       ready_o,
  input  logic [Inputs*Width-1:0] data_i,   // [Inputs][Width]
  output logic                    valid_o,
  input  logic                    ready_i,
  output logic [Width-1:0]        data_o,
  output logic [IndexW-1:0]       index_o   // whose word it is
);
  // The turn is that of the input whose word is being offered, or the next after it was taken.
  logic [IndexW-1:0] turn_q, first_from_turn, first;
  logic [Inputs-1:0] from_turn;
  always_comb begin
    first = '0;
    first_from_turn = '0;
    for (int unsigned i = Inputs; i > 0; i--) begin
      from_turn[i-1] = valid_i[i-1] && IndexW'(i - 1) >= turn_q;
      if (valid_i[i-1]) first = IndexW'(i - 1);
      if (from_turn[i-1]) first_from_turn = IndexW'(i - 1);
    end
  end
  assign index_o = (from_turn != '0) ? first_from_turn : first;
  assign valid_o = valid_i != '0;
  assign data_o = data_i[32'(index_o)*Width +: Width];
  always_comb begin
    for (int unsigned i = 0; i < Inputs; i++) begin
      ready_o[i] = ready_i && valid_o && index_o == IndexW'(i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) turn_q <= '0;
    else if (valid_o && !ready_i) turn_q <= index_o;
    else if (valid_o) turn_q <= (index_o == IndexW'(Inputs - 1)) ? '0 : index_o + 1'b1;
  end

`ifdef FORMAL
  // Sources keep their offers; then the arbiter keeps its own, and no input waits too long.
  logic started_q = 1'b0;
  logic offered_q;
  logic [Inputs-1:0] waiting_q;
  logic [Inputs*Width-1:0] all_data_q;
  logic [IndexW-1:0] index_q;
  logic [Width-1:0] data_q;
  (* anyconst *) logic [IndexW-1:0] watched;
  // Words of others since the watched input has been waiting, and how many inputs come before it.
  logic [IndexW:0] served_q, before;
  assign before = (watched >= turn_q) ? {1'b0, watched - turn_q}
                                      : (IndexW+1)'(Inputs) + watched - turn_q;
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    offered_q <= rst_ni && valid_o && !ready_i;
    waiting_q <= rst_ni ? valid_i & ~ready_o : '0;
    all_data_q <= data_i;
    index_q <= index_o;
    data_q <= data_o;
    if (!rst_ni || !valid_i[watched] || ready_o[watched]) served_q <= '0;
    else if (ready_i) served_q <= served_q + 1'b1;
  end
  always_comb begin
    assume (watched < Inputs);
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      for (int unsigned i = 0; i < Inputs; i++) begin
        if (waiting_q[i]) assume (valid_i[i]);
        if (waiting_q[i]) assume (data_i[i*Width +: Width] == all_data_q[i*Width +: Width]);
      end
      assert (turn_q < Inputs);
      assert ((ready_o & ~valid_i) == '0);
      assert ((ready_o & (ready_o - 1'b1)) == '0);
      assert ((ready_o != '0) == (valid_o && ready_i));
      if (offered_q) assert (valid_o && index_o == index_q && data_o == data_q);
      if (waiting_q[watched]) assert (served_q + before < Inputs);
      else assert (served_q == '0);
    end
  end
`endif
endmodule
