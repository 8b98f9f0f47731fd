// Walks over the scores of a head in the order in which they came: beat by beat; of a beat the
// queries that the engine takes at once, for the first token of each and then the second, then the
// next queries. One step a cycle.
module score_walk #(
  parameter int unsigned Queries = 2,  // of the engine, a power of two
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned AddressW = kv_pkg::AddressW
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,  // only if idle
  input  kv_pkg::head_t       head_i,
  output logic                idle_o,
  output kv_pkg::walk_t       walk_o
);
  localparam int unsigned QueriesW = $clog2(Queries);
  localparam logic [QueryW-1:0] InGroup = QueryW'(Queries - 1);

  // What stays.
  logic [kv_pkg::ChunkRowsW-1:0] chunk_rows_q;
  logic [QueryW-1:0]   last_query_q;
  logic                split_q;
  // Where it is.
  logic [AddressW-1:0] left_q, chunk_q, address_q, row_q, block_q;
  logic [kv_pkg::ChunkRowsW-1:0] row_in_chunk_q;
  logic                valid_q, half_q, is_first_chunk_q;
  logic [QueryW-1:0]   query_q;
  logic [QueryW-1:0]   group_q;  // the first query of those of now

  logic ends_queries, ends_group, ends_half, ends_row, ends_chunk, done;
  assign ends_queries = query_q == last_query_q;
  assign ends_group   = ends_queries || (query_q & InGroup) == InGroup;
  assign ends_half    = half_q == split_q;
  assign ends_row     = ends_queries && ends_half;
  assign ends_chunk   = row_in_chunk_q == chunk_rows_q;
  assign done         = ends_row && left_q == '0;
  assign idle_o       = !valid_q;
  assign walk_o       = {valid_q, is_first_chunk_q, row_in_chunk_q == '0 && !half_q,
                         ends_chunk && ends_half, done, half_q, query_q, address_q, row_q, block_q,
                         chunk_q + (AddressW'(query_q) >> QueriesW)};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else valid_q <= valid_q ? !done : start_i;
  end
  always_ff @(posedge clk_i) begin
    if (!valid_q) begin
      chunk_rows_q   <= head_i.chunk_rows;
      last_query_q   <= head_i.last_query;
      split_q        <= head_i.split;
      left_q         <= head_i.rows - 1'b1;
      row_in_chunk_q <= '0;
      group_q        <= '0;
      chunk_q        <= head_i.chunk;
      half_q         <= 1'b0;
      query_q        <= '0;
      address_q      <= head_i.address;
      row_q          <= head_i.row;
      block_q        <= head_i.block;
      is_first_chunk_q <= 1'b1;
    end else begin
      address_q <= address_q + 1'b1;
      if (ends_group && ends_half) block_q <= block_q + 1'b1;
      if (!ends_group) begin
        query_q <= query_q + 1'b1;
      end else if (!ends_half) begin
        half_q  <= 1'b1;
        query_q <= group_q;
      end else begin
        half_q  <= 1'b0;
        query_q <= ends_queries ? '0 : query_q + 1'b1;
        group_q      <= ends_queries ? '0 : query_q + 1'b1;
      end
      if (ends_row) begin
        left_q         <= left_q - 1'b1;
        row_q          <= row_q + 1'b1;
        row_in_chunk_q <= ends_chunk ? '0 : row_in_chunk_q + 1'b1;
        if (ends_chunk) begin
          chunk_q          <= chunk_q + (AddressW'(last_query_q) >> QueriesW) + 1'b1;
          is_first_chunk_q <= 1'b0;
        end
      end
    end
  end
endmodule
